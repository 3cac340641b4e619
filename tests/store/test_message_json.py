"""What SQLite writes of a page of messages is what their records would be on the wire."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.store import conversations, ledger, message_json, messages, projects
from sidecar.store.records import LedgerEntry, Message, Settlement
from tests.store.clock import NOW

HARD = 'a "quoted"\\ line\nwith \t\r\b\f\x00\x01\x1f\x7f </script> \u2028 é 😀 {"json": [1]}'
MESSAGES = [
    Message("plain", "c", "plain", "user", "Hi", NOW),
    Message("hard", "c", "hard", "user", HARD, NOW + 1, provider=HARD, model=""),
    Message(
        "whole",
        "c",
        "plain",
        "assistant",
        HARD,
        NOW + 2,
        "openai",
        "gpt",
        Decimal("0.000135800001"),
        12,
        0,
        HARD,
        ({"url": "https://a.example", "title": HARD}, {"url": "b", "title": ""}),
        "length",
    ),
    Message("no pages", "c", "plain", "assistant", "", NOW + 3, cost_usd=Decimal(0), citations=()),
    Message("dear", "c", "plain", "assistant", "", NOW + 4, cost_usd=Decimal("123456.789012345678")),
    Message("unknown", "c", "plain", "assistant", "", NOW + 5),
    Message("unbounded", "c", "plain", "assistant", "", NOW + 6),
    Message("settled later", "c", "plain", "assistant", "", NOW + 7),
    Message("old", "c", "plain", "assistant", "before", NOW + 8, copied_from="plain"),
    Message("new", "c", "plain", "assistant", "after", NOW + 8),
]


@pytest.fixture
def home(conn: sqlite3.Connection) -> sqlite3.Connection:
    projects.create(conn, "p", "Project", now=NOW)
    conversations.create(conn, "p", "Conversation", "c", NOW)
    for each in MESSAGES:
        messages.insert(conn, each)
    # As the app before the sidecar wrote it: a float, and nothing of the ledger.
    conn.execute("UPDATE messages SET cost = 0.1 + 0.2, cost_pico = NULL WHERE id = 'hard'")
    conn.execute("UPDATE messages SET citations = ' [ ] ' WHERE id = 'unknown'")
    conn.execute("UPDATE messages SET superseded_by = 'new' WHERE id = 'old'")
    for name, most in (("unknown", Decimal("0.1")), ("unbounded", None)):
        ledger.intent(conn, LedgerEntry(name, NOW, "chat", estimate_usd=most))
        end = Settlement("unknown", error_kind="cancelled", at_least_usd=Decimal("0.0123456789"))
        ledger.settle(conn, name, end, NOW, message_id=name)
    ledger.intent(conn, LedgerEntry("settled later", NOW, "chat"))
    end = Settlement("settled", cost_usd=Decimal("0.3"))
    ledger.settle(conn, "settled later", end, NOW, message_id="settled later")
    return conn


def _both(conn: sqlite3.Connection, *of: Any) -> tuple[Any, Any]:
    records = [wire.message(each) for each in messages.list_page(conn, *of)]
    return json.loads(message_json.list_page(conn, *of)), records


@pytest.mark.parametrize(
    "of", [("c",), ("c", 3), ("c", 100, "whole"), ("c", None, "hard"), ("none",), ("c", 1)]
)
def test_a_page_is_what_its_records_would_be(home: sqlite3.Connection, of: tuple[Any, ...]) -> None:
    written, made = _both(home, *of)
    assert written == made


def test_nothing_of_the_page_is_missing(home: sqlite3.Connection) -> None:
    written, _ = _both(home, "c")
    told = {each["id"]: each for each in written}
    assert set(told) == {each.id for each in MESSAGES} - {"old"}
    assert told["hard"]["content"] == HARD
    assert told["hard"]["cost"] == 0.1 + 0.2
    assert told["dear"]["cost"] == 123456.789012345678
    assert told["unknown"]["costAtMostUSD"] == 0.1
    assert "costAtMostUSD" not in told["unbounded"]
    assert told["settled later"]["cost"] == 0.3
    assert told["new"]["versions"] == 1
    assert len(told["whole"]["citations"]) == 2


def test_a_page_before_a_message_that_is_not_there_is_refused_as_ever(home: sqlite3.Connection) -> None:
    with pytest.raises(Failure) as refused:
        message_json.list_page(home, "c", 3, "no such message")
    assert refused.value.kind == "not_found"
