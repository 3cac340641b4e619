"""Changing what was said without losing it: edits, new answers, forks, deletion. The ledger keeps what was spent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace

from sidecar.store import conversations, messages
from sidecar.store.columns import storable
from sidecar.store.records import Conversation, Message

VERSIONS_SQL = f"SELECT {messages.columns()} FROM messages WHERE superseded_by = ? ORDER BY timestamp, seq"  # noqa: S608
OPEN_IN_TURN_SQL = (
    "SELECT 1 FROM ledger WHERE turn_id = ? AND conversation_id = ? AND state = 'intent' LIMIT 1"
)


def edit(
    conn: sqlite3.Connection, message_id: str, content: str, version_id: str, now: int
) -> Message | None:
    """The message with its new text; the earlier one is kept under `version_id`. None when there is no such message."""
    found = messages.get(conn, message_id)
    if found is None:
        return None
    if found.content == storable(content):
        return found
    earlier = replace(found, id=version_id, superseded_by=found.superseded_by or found.id)
    messages.insert(conn, earlier, in_place=True)
    conn.execute("UPDATE messages SET content = ? WHERE id = ?", (storable(content), found.id))
    conversations.touch(conn, found.conversation_id, now)
    return messages.get(conn, found.id)


def versions(conn: sqlite3.Connection, message_id: str) -> list[Message] | None:
    """The earlier versions of a message, oldest first; None when there is no such message."""
    if messages.get(conn, message_id) is None:
        return None
    return [messages.record(row) for row in conn.execute(VERSIONS_SQL, (message_id,))]


def put_in_place(conn: sqlite3.Connection, message: Message, earlier_id: str, *, whole: bool) -> Message:
    """Store an answer that was asked for in place of another one, and return it as stored.

    A whole one takes that one's place, and its earlier versions. One that broke off is kept among the versions.
    """
    earlier = messages.get(conn, earlier_id)
    if earlier is None:
        return messages.insert(conn, message)
    placed = replace(message, timestamp=earlier.timestamp)
    if not whole:
        shown = earlier.superseded_by or earlier.id
        return messages.insert(conn, replace(placed, superseded_by=shown), in_place=True)
    stored = messages.insert(conn, placed, in_place=True)
    conn.execute(
        "UPDATE messages SET superseded_by = ?1 WHERE id = ?2 OR superseded_by = ?2", (stored.id, earlier.id)
    )
    return stored


def is_being_answered(conn: sqlite3.Connection, question: Message) -> bool:
    """Whether an answer to that question is on its way."""
    return conn.execute(OPEN_IN_TURN_SQL, (question.turn_id, question.conversation_id)).fetchone() is not None


def delete(conn: sqlite3.Connection, message: Message) -> int:
    """Delete a message with its earlier versions, a question with its answers too; return how many that were."""
    if message.role == "user" and message.id == message.turn_id:
        gone = conn.execute(
            "DELETE FROM messages WHERE conversation_id = ? AND turn_id = ?",
            (message.conversation_id, message.turn_id),
        )
    else:
        gone = conn.execute("DELETE FROM messages WHERE id = ?1 OR superseded_by = ?1", (message.id,))
    return gone.rowcount


def fork(
    conn: sqlite3.Connection,
    source: Conversation,
    up_to: str | None,
    name: str | None,
    now: int,
    new_id: Callable[[], str],
) -> Conversation | None:
    """Copy a conversation up to and with the message `up_to`, or all of it; None when it holds no such message.

    Copies have no cost of their own: what they cost is the original's, and in no sum twice.
    """
    shown = messages.list_page(conn, source.id)
    if up_to is not None:
        ends = [number for number, each in enumerate(shown) if each.id == up_to]
        if not ends:
            return None
        shown = shown[: ends[0] + 1]
    made = conversations.create(conn, source.project_id, name or source.name, new_id(), now, _origin(source))
    renamed = {each.id: new_id() for each in shown}
    for each in shown:
        copy = replace(
            each,
            id=renamed[each.id],
            conversation_id=made.id,
            turn_id=renamed.get(each.turn_id, each.turn_id),
            cost_usd=None,
            copied_from=each.copied_from or each.id,
        )
        messages.insert(conn, copy, in_place=True)
    return made


def _origin(source: Conversation) -> str | None:
    """A fork of an imported conversation is one, too; a fork of an unnamed first one is no unnamed first one."""
    return None if source.origin == "null" else source.origin
