from __future__ import annotations

import sqlite3
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.store import conversations, cursors, messages, projects
from sidecar.store.records import Message
from tests.store.clock import NOW

PAGED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _refill(conn: sqlite3.Connection) -> None:
    conn.execute("DELETE FROM projects")
    projects.create(conn, "p", "p", now=NOW)
    projects.create(conn, "other", "other", now=NOW)
    conversations.create(conn, "other", "never listed", "never", NOW)


@PAGED
@given(times=st.lists(st.integers(0, 4), max_size=25), limit=st.integers(1, 7), by_id=st.booleans())
def test_pages_of_conversations_hold_each_one_once_and_in_order(
    conn: sqlite3.Connection, times: list[int], limit: int, by_id: bool
) -> None:
    _refill(conn)
    for number, at in enumerate(times):
        conversations.create(conn, "p", "n", f"{number * 7 % 25:02}", NOW + at)
    whole = conversations.list_page(conn, "p")
    assert [(-c.last_used, c.id) for c in whole] == sorted((-c.last_used, c.id) for c in whole)
    paged = page = conversations.list_page(conn, "p", limit)
    while page:
        cursor = page[-1].id if by_id else conversations.cursor_after(page[-1])
        page = conversations.list_page(conn, "p", limit, cursor)
        paged = paged + page
        assert len(page) <= limit
    assert paged == whole
    assert len(whole) == len(times)


@PAGED
@given(times=st.lists(st.integers(0, 4), max_size=25), limit=st.integers(1, 7))
def test_pages_of_messages_hold_each_one_once_and_in_order(
    conn: sqlite3.Connection, times: list[int], limit: int
) -> None:
    _refill(conn)
    conversations.create(conn, "p", "n", "c", NOW)
    for number, at in enumerate(times):
        messages.insert(conn, Message(str(number), "c", str(number), "user", "x", NOW))
        # Rows of old databases may lie in any order of time.
        conn.execute("UPDATE messages SET timestamp = ? WHERE id = ?", (NOW + at, str(number)))
    whole = messages.list_page(conn, "c")
    assert [message.timestamp for message in whole] == sorted(NOW + at for at in times)
    paged = page = messages.list_page(conn, "c", limit)
    while page:
        page = messages.list_page(conn, "c", limit, page[0].id)
        paged = page + paged
        assert len(page) <= limit
    assert paged == whole


def test_a_cursor_keeps_its_place_when_its_conversation_is_gone(conn: sqlite3.Connection) -> None:
    projects.create(conn, "p", "p", now=NOW)
    for number in range(4):
        conversations.create(conn, "p", "n", str(number), NOW - number)
    cursor = conversations.cursor_after(conversations.list_page(conn, "p", 2)[-1])
    conversations.delete(conn, "1")
    assert [found.id for found in conversations.list_page(conn, "p", 2, cursor)] == ["2", "3"]


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "W10", cursors.encode(["a", 1]), cursors.encode([2**70, "a"]), "é"]
)
def test_a_garbled_cursor_is_refused(conn: sqlite3.Connection, cursor: str) -> None:
    with pytest.raises(Failure) as caught:
        conversations.list_page(conn, "p", 5, cursor)
    assert caught.value.kind == "invalid_params"
    assert caught.value.issues


def test_the_id_of_another_projects_conversation_is_no_cursor(conn: sqlite3.Connection) -> None:
    _refill(conn)
    with pytest.raises(Failure):
        conversations.list_page(conn, "p", 5, "never")


@given(st.text(max_size=30))
def test_a_cursor_is_decoded_or_refused_and_nothing_else(text: str) -> None:
    with suppress(Failure):
        assert [type(value) for value in cursors.decode(text, int, str)] == [int, str]


@given(st.integers(-(2**63), 2**63 - 1), st.text())
def test_a_cursor_gives_back_what_it_was_made_of(number: int, text: str) -> None:
    assert cursors.decode(cursors.encode([number, text]), int, str) == [number, text]
