"""Turns: the rule that joins sends made side by side into one, and what a model is told of earlier ones.

A turn is a user's message and the answers to it, and has that message's id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sidecar.store import conversations, messages
from sidecar.store.columns import storable
from sidecar.store.records import Message

NO_CONVERSATION = "null"  # what the renderer sends as the conversation of a first message
IMPORTED = "import"  # the origin of a conversation that another chat service had
_NAME_CHARS = 60

NEWEST_UNNAMED_SQL = (
    "SELECT id FROM conversations WHERE origin = 'null' AND project_id = ?"
    " ORDER BY created_at DESC, rowid DESC LIMIT 1"
)
ANSWERED_SQL = (
    "SELECT 1 FROM messages WHERE conversation_id = ? AND turn_id = ? AND role = 'assistant' AND model = ?"
)
ATTEMPTED_SQL = (
    "SELECT 1 FROM ledger WHERE turn_id = ? AND model = ? AND conversation_id = ?"
    # One that was stopped or broke off has answered only if there is a message of it.
    " AND (state = 'intent' OR (state = 'settled' AND incomplete = 0))"
)
EARLIER_TURNS_SQL = (
    "SELECT turn_id, content FROM messages WHERE conversation_id = ? AND role = 'user' AND content <> ''"
    " AND superseded_by IS NULL"
    " AND timestamp <= ? AND (timestamp < ? OR seq < ?) ORDER BY timestamp DESC, seq DESC"
)
OWN_ANSWERS_SQL = (
    "SELECT content FROM messages WHERE conversation_id = ? AND turn_id = ? AND role = 'assistant'"
    " AND model IN (?, ?) AND content <> '' AND superseded_by IS NULL ORDER BY timestamp, seq"
)
# In a conversation of another chat service there is one answer to each question, whoever gave it.
ANY_ANSWERS_SQL = (
    "SELECT content FROM messages WHERE conversation_id = ? AND turn_id = ? AND role = 'assistant'"
    " AND content <> '' AND superseded_by IS NULL ORDER BY timestamp, seq"
)


@dataclass(frozen=True, slots=True)
class OpenTurn:
    """`joined` says that the user's message was there already."""

    conversation_id: str
    turn_id: str
    joined: bool


def open_turn(
    conn: sqlite3.Connection,
    *,
    conversation_id: str | None,
    project_id: str,
    content: str,
    models: Collection[str],
    now: int,
    new_id: Callable[[], str],
) -> OpenTurn:
    """The turn that this send belongs to: the newest one, if it says the same and no such model has a part in it yet.

    Otherwise the user's message begins a new one. An id that is not known is created in `project_id`; None is
    always a new conversation; the text "null" looks at the newest conversation of `project_id` that began so.
    The caller writes the ledger's intent in the same transaction, or a second send of the model would join too.
    Raises sqlite3.IntegrityError when a conversation must be created and there is no such project.
    """
    text = storable(content)
    target = _newest_unnamed(conn, project_id) if conversation_id == NO_CONVERSATION else conversation_id
    if target is not None:
        turn_id = _joinable(conn, target, text, models)
        if turn_id is not None:
            conversations.touch(conn, target, now)
            return OpenTurn(target, turn_id, joined=True)
    if conversation_id is None or conversation_id == NO_CONVERSATION:
        origin = NO_CONVERSATION if conversation_id == NO_CONVERSATION else None
        target = conversations.create(conn, project_id, name_from(text), new_id(), now, origin).id
    elif conversations.touch(conn, conversation_id, now) is None:
        conversations.create(conn, project_id, name_from(text), conversation_id, now)
    assert target is not None
    message_id = new_id()
    messages.insert(conn, Message(message_id, target, message_id, "user", text, now))
    return OpenTurn(target, message_id, joined=False)


def history(
    conn: sqlite3.Connection,
    conversation_id: str,
    model: str,
    before_turn_id: str,
    max_chars: int | None = None,
) -> list[tuple[str, str]]:
    """(role, text), oldest first, of the turns before this one: what the user said and what this model answered.

    In a conversation that was imported, what another model answered goes along where this one has not.

    Turns stay whole: the newest that fit into `max_chars` together. Empty messages are left out.
    """
    key = messages.position(conn, conversation_id, before_turn_id)
    if key is None:
        return []
    timestamp, seq = key
    # The app before the sidecar stored models without their provider.
    bare = model.partition("/")[2] or model
    turns: list[list[tuple[str, str]]] = []
    left = max_chars
    conversation = conversations.get(conn, conversation_id)
    imported = conversation is not None and conversation.origin == IMPORTED
    for turn_id, question in conn.execute(EARLIER_TURNS_SQL, (conversation_id, timestamp, timestamp, seq)):
        answers = conn.execute(OWN_ANSWERS_SQL, (conversation_id, turn_id, model, bare)).fetchall()
        if imported and not answers:
            answers = conn.execute(ANY_ANSWERS_SQL, (conversation_id, turn_id)).fetchall()
        turn = [("user", question), *(("assistant", answer) for (answer,) in answers)]
        if left is not None:
            left -= sum(len(text) for _, text in turn)
            if left < 0:
                break
        turns.append(turn)
    return [message for turn in reversed(turns) for message in turn]


def name_from(content: str) -> str:
    """A conversation's name: the first line that says something, at most 60 characters."""
    line = next((line for line in map(str.strip, content.splitlines()) if line), "")
    name = " ".join(line.replace("\0", " ").split())
    if len(name) <= _NAME_CHARS:
        return name or "New conversation"
    cut = name[: _NAME_CHARS - 1]
    head, space, _ = cut.rpartition(" ")
    # A text without spaces, or with one very long word, is cut inside the word.
    return (head if space and len(head) > _NAME_CHARS // 2 else cut).rstrip() + "…"


def _newest_unnamed(conn: sqlite3.Connection, project_id: str) -> str | None:
    row = conn.execute(NEWEST_UNNAMED_SQL, (project_id,)).fetchone()
    return None if row is None else str(row[0])


def _joinable(
    conn: sqlite3.Connection, conversation_id: str, content: str, models: Collection[str]
) -> str | None:
    newest = conn.execute(messages.NEWEST_TURN_SQL, (conversation_id,)).fetchone()
    if newest is None or newest[1] != content:
        return None
    turn_id = str(newest[0])
    taken = any(_has_part(conn, conversation_id, turn_id, model) for model in models)
    return None if taken else turn_id


def _has_part(conn: sqlite3.Connection, conversation_id: str, turn_id: str, model: str) -> bool:
    """Whether the model has answered in that turn, or is about to."""
    answered = conn.execute(ANSWERED_SQL, (conversation_id, turn_id, model)).fetchone()
    attempted = conn.execute(ATTEMPTED_SQL, (turn_id, model, conversation_id)).fetchone()
    return answered is not None or attempted is not None
