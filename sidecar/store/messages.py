"""The table of messages."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from sidecar.errors import Failure
from sidecar.store.columns import from_json, from_pico, storable, to_json, to_pico, usd_from_real, usd_to_real
from sidecar.store.records import Message

COLUMNS = (
    "id, conversation_id, turn_id, role, content, timestamp, provider, model, cost, tokens_in, tokens_out,"
    " thinking, citations, finish_reason"
)
_STORED = f"{COLUMNS}, cost_pico, copied_from, superseded_by"
# What is known of its money may change after it was stored: the ledger's row of it has the last word.
_LEDGER = "FROM ledger l WHERE l.message_id = {table}.id"
_MONEY = (
    "coalesce({table}.cost_pico, (SELECT l.cost_pico " + _LEDGER + ")),"
    " (SELECT l.at_least_pico " + _LEDGER + " AND l.uncertain = 1),"
    " (SELECT l.at_most_pico " + _LEDGER + " AND l.uncertain = 1)"
)
_VERSIONS = (
    "(SELECT count(*) FROM messages v WHERE v.superseded_by = {table}.id), {table}.copied_from,"
    " {table}.superseded_by"
)


def columns(table: str = "messages") -> str:
    """What `record` reads, of messages under that name."""
    return (
        ", ".join(f"{table}.{name.strip()}" for name in COLUMNS.split(","))
        + f", {_MONEY.format(table=table)}, {_VERSIONS.format(table=table)}"
    )


WIDTH = len(COLUMNS.split(",")) + 6
_COST, _CITATIONS = 8, 12
# Earlier versions are listed with what took their place.
_SHOWN = "FROM messages WHERE conversation_id = ? AND superseded_by IS NULL"
_LIST = f"{_SHOWN} ORDER BY timestamp, seq"
_PAGE = f"{_SHOWN} ORDER BY timestamp DESC, seq DESC LIMIT ?"
_PAGE_BEFORE = (
    f"{_SHOWN} AND timestamp <= ? AND (timestamp < ? OR seq < ?) ORDER BY timestamp DESC, seq DESC LIMIT ?"
)
LIST_SQL, PAGE_SQL, PAGE_BEFORE_SQL = (f"SELECT {columns()} {what}" for what in (_LIST, _PAGE, _PAGE_BEFORE))
NEWEST_TURN_SQL = (
    "SELECT turn_id, content FROM messages WHERE conversation_id = ? AND role = 'user' AND superseded_by IS NULL"
    " ORDER BY timestamp DESC, seq DESC LIMIT 1"
)
NEWEST_TIME_SQL = "SELECT max(timestamp) FROM messages WHERE conversation_id = ?"
_INSERT = (
    f"INSERT INTO messages ({_STORED}) VALUES (?1, ?2, ?3, ?4, ?5, {{timestamp}}, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"  # noqa: S608
    " ?14, ?15, ?16, ?17) RETURNING timestamp"
)
INSERT_SQL = _INSERT.format(timestamp=f"max(?6, coalesce(({NEWEST_TIME_SQL.replace('?', '?2')}), ?6))")
INSERT_IN_PLACE_SQL = _INSERT.format(timestamp="?6")


def insert(conn: sqlite3.Connection, message: Message, *, in_place: bool = False) -> Message:
    """Stores it, and returns it as stored: never earlier than what its conversation holds, so that a clock which
    was set back cannot put an answer before its question. With `in_place` its time is the place that it is to have.

    Raises sqlite3.IntegrityError when the id is taken or there is no such conversation.
    """
    content = storable(message.content)
    thinking = None if message.thinking is None else storable(message.thinking)
    citations = message.citations or None
    (timestamp,) = conn.execute(
        INSERT_IN_PLACE_SQL if in_place else INSERT_SQL,
        (
            message.id,
            message.conversation_id,
            message.turn_id,
            message.role,
            content,
            message.timestamp,
            message.provider,
            message.model,
            usd_to_real(message.cost_usd),
            message.tokens_in,
            message.tokens_out,
            thinking,
            None if citations is None else to_json(list(citations)),
            message.finish_reason,
            to_pico(message.cost_usd),
            message.copied_from,
            message.superseded_by,
        ),
    ).fetchone()
    return replace(message, content=content, thinking=thinking, citations=citations, timestamp=timestamp)


def newest_turn(conn: sqlite3.Connection, conversation_id: str) -> str | None:
    """The id of the user's newest message, which an answer that is added now belongs to."""
    row = conn.execute(NEWEST_TURN_SQL, (conversation_id,)).fetchone()
    return None if row is None else str(row[0])


def get(conn: sqlite3.Connection, message_id: str) -> Message | None:
    row = conn.execute(f"SELECT {columns()} FROM messages WHERE id = ?", (message_id,)).fetchone()  # noqa: S608
    return None if row is None else record(row)


def answers_of_turn(conn: sqlite3.Connection, turn_id: str) -> list[Message]:
    """The answers to a question, in the order in which they were stored."""
    rows = conn.execute(
        f"SELECT {columns()} FROM messages JOIN messages question ON question.id = ?1"  # noqa: S608
        " WHERE messages.conversation_id = question.conversation_id AND messages.turn_id = ?1"
        " AND messages.role = 'assistant' AND messages.superseded_by IS NULL ORDER BY messages.timestamp, messages.seq",
        (storable(turn_id),),
    )
    return [record(row) for row in rows]


def list_page(
    conn: sqlite3.Connection, conversation_id: str, limit: int | None = None, before: str | None = None
) -> list[Message]:
    """Oldest first; with `limit`, the newest that many; with `before` (a message's id), only what is older than it.

    Raises Failure("not_found") when the conversation holds no message `before`.
    """
    return [record(row) for row in page_rows(conn, columns(), conversation_id, limit, before)]


def page_rows(
    conn: sqlite3.Connection,
    selected: str,
    conversation_id: str,
    limit: int | None = None,
    before: str | None = None,
) -> list[tuple[Any, ...]]:
    """What is selected of the messages of such a page, in its order. Raises as `list_page` does."""
    if limit is None and before is None:
        return conn.execute(f"SELECT {selected} {_LIST}", (conversation_id,)).fetchall()
    wanted = -1 if limit is None else limit
    if before is None:
        rows = conn.execute(f"SELECT {selected} {_PAGE}", (conversation_id, wanted)).fetchall()
    else:
        key = position(conn, conversation_id, before)
        if key is None:
            raise Failure(
                "not_found", "The message to list from is not in this conversation. Load the list again."
            )
        timestamp, seq = key
        values = (conversation_id, timestamp, timestamp, seq, wanted)
        rows = conn.execute(f"SELECT {selected} {_PAGE_BEFORE}", values).fetchall()
    rows.reverse()
    return rows


def position(conn: sqlite3.Connection, conversation_id: str, message_id: str) -> tuple[int, int] | None:
    """Where a message stands in its conversation: (timestamp, seq)."""
    row = conn.execute(
        "SELECT timestamp, seq FROM messages WHERE id = ? AND conversation_id = ?",
        (storable(message_id), conversation_id),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def record(row: tuple[Any, ...]) -> Message:
    """A row of `columns`."""
    *cells, exact, least, most, versions, copied_from, superseded_by = row
    # The app before the sidecar knew no more than a float.
    cells[_COST] = from_pico(exact) if exact is not None else usd_from_real(cells[_COST])
    cells[_CITATIONS] = None if cells[_CITATIONS] is None else tuple(from_json(cells[_CITATIONS]))
    return replace(
        Message(*cells),
        at_least_usd=from_pico(least),
        at_most_usd=from_pico(most),
        versions=versions,
        copied_from=copied_from,
        superseded_by=superseded_by,
    )
