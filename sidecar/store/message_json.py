"""A page of messages as the JSON of the wire, written by SQLite itself.

A long conversation is listed whole whenever it is opened. Made into records, then into dictionaries, then into text,
its rows cost five times what SQLite takes to write them, and hold the loop meanwhile.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sidecar.store import messages
from sidecar.store.columns import from_pico, usd_from_real
from sidecar.store.records import FINISH_REASONS

_ALWAYS = (
    ("id", "id"),
    ("conversationId", "conversation_id"),
    ("role", "role"),
    ("content", "content"),
    ("provider", "provider"),
    ("model", "model"),
    ("tokensIn", "tokens_in"),
    ("tokensOut", "tokens_out"),
    ("timestamp", "timestamp"),
    ("turnId", "turn_id"),
)
_PAIRS = ", ".join(f"'{name}', {column}" for name, column in _ALWAYS)
_VERSIONS = "(SELECT nullif(count(*), 0) FROM messages v WHERE v.superseded_by = messages.id)"
# A patch of nothing takes out the members that are null.
_SOMETIMES = (
    f"CASE WHEN coalesce(thinking, citations, finish_reason, copied_from, {_VERSIONS}) IS NULL THEN NULL"
    " ELSE json_patch('{}', json_object('thinking', thinking,"
    " 'citations', CASE WHEN json_array_length(citations) > 0 THEN json(citations) END,"
    f" 'finishReason', finish_reason, 'versions', {_VERSIONS}, 'copiedFrom', copied_from)) END"
)
_UNCERTAIN = "FROM ledger l WHERE l.message_id = messages.id AND l.uncertain = 1"
# What nobody who reads the object expects there; what is of no kind that JSON has raises by itself.
_ODD = (
    "typeof(tokens_in) NOT IN ('integer', 'null') OR typeof(tokens_out) NOT IN ('integer', 'null')"  # noqa: S608
    " OR typeof(timestamp) <> 'integer' OR typeof(role) <> 'text' OR typeof(content) <> 'text'"
    " OR typeof(turn_id) <> 'text' OR typeof(conversation_id) <> 'text'"
    " OR typeof(provider) NOT IN ('text', 'null') OR typeof(model) NOT IN ('text', 'null')"
    " OR typeof(thinking) NOT IN ('text', 'null') OR typeof(copied_from) NOT IN ('text', 'null')"
    f" OR finish_reason NOT IN {FINISH_REASONS}"
    " OR EXISTS (SELECT 1 FROM json_each(citations) c WHERE c.type <> 'object'"
    " OR json_type(c.value, '$.url') IS NOT 'text' OR json_type(c.value, '$.title') IS NOT 'text')"
)
_SELECTED = (
    f"json_object({_PAIRS}), {_SOMETIMES},"  # noqa: S608
    " cost, coalesce(cost_pico, (SELECT l.cost_pico FROM ledger l WHERE l.message_id = messages.id)),"
    f" (SELECT json_array(l.at_least_pico, l.at_most_pico) {_UNCERTAIN}), coalesce({_ODD}, 0)"
)


class OddMessage(Exception):
    """A message that another program has written, as none can be."""


def list_page(
    conn: sqlite3.Connection, conversation_id: str, limit: int | None = None, before: str | None = None
) -> bytes:
    """Return the page of `messages.list_page` as a JSON array in UTF-8. Raises as that does.

    Raises OddMessage for what cannot be in the database, and would go out as it is.
    """
    rows = messages.page_rows(conn, _SELECTED, conversation_id, limit, before)
    return b"[%b]" % ",".join([_object(*row) for row in rows]).encode()


def _object(
    always: str, sometimes: str | None, cost: float | None, pico: int | None, bounds: str | None, odd: int
) -> str:
    """The message's object. Amounts are written here: SQLite writes fewer digits than a float has."""
    if odd:
        raise OddMessage
    usd = from_pico(pico) if pico is not None else usd_from_real(cost)
    made = f'{always[:-1]},"cost":{_number(usd)}'
    if bounds is not None:
        made += _bounds(*bounds[1:-1].split(","))
    if sometimes is not None and sometimes != "{}":
        made += f",{sometimes[1:-1]}"
    return made + "}"


def _bounds(least: str, most: str) -> str:
    told = (("costAtLeastUSD", least), ("costAtMostUSD", most))
    return "".join(f',"{name}":{_number(from_pico(int(pico)))}' for name, pico in told if pico != "null")


def _number(usd: Any) -> str:
    return "null" if usd is None else repr(float(usd))
