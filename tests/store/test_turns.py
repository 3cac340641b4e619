from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

import pytest

from sidecar.store import conversations, ledger, messages, projects, turns
from sidecar.store.database import Database
from sidecar.store.records import LedgerEntry, Message, Settlement
from sidecar.store.turns import OpenTurn
from tests.store.clock import NOW, counting_ids


class Chat:
    """Sends as the chat service sends: the turn and the intent in one go."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn
        self.new_id = counting_ids()
        self.now = NOW
        projects.create(conn, "p", "Project", now=NOW)

    def send(self, conversation_id: str | None, content: str, model: str, project_id: str = "p") -> OpenTurn:
        self.now += 1
        turn = turns.open_turn(
            self.conn,
            conversation_id=conversation_id,
            project_id=project_id,
            content=content,
            models=[model],
            now=self.now,
            new_id=self.new_id,
        )
        self.intent = self.new_id()
        ledger.intent(
            self.conn,
            LedgerEntry(
                self.intent,
                self.now,
                "chat",
                conversation_id=turn.conversation_id,
                turn_id=turn.turn_id,
                model=model,
            ),
        )
        return turn

    def answer(self, turn: OpenTurn, content: str, model: str) -> None:
        self.now += 1
        messages.insert(
            self.conn,
            Message(
                self.new_id(), turn.conversation_id, turn.turn_id, "assistant", content, self.now, model=model
            ),
        )

    def said(self, conversation_id: str) -> list[str]:
        return [
            message.content
            for message in messages.list_page(self.conn, conversation_id)
            if message.role == "user"
        ]


@pytest.fixture
def chat(conn: sqlite3.Connection) -> Chat:
    return Chat(conn)


def test_the_first_send_makes_the_conversation_and_the_turn(chat: Chat) -> None:
    turn = chat.send("c", "Hello\nworld", "a")
    assert turn == OpenTurn("c", turn.turn_id, joined=False)
    conversation = conversations.get(chat.conn, "c")
    assert conversation is not None
    assert (conversation.project_id, conversation.name, conversation.origin) == ("p", "Hello", None)
    question = messages.get(chat.conn, turn.turn_id)
    assert question is not None
    assert (question.id, question.turn_id, question.role, question.content) == (
        turn.turn_id,
        turn.turn_id,
        "user",
        "Hello\nworld",
    )


@pytest.mark.parametrize("conversation_id", ["c", "null"])
def test_parallel_sends_to_several_models_are_one_turn(chat: Chat, conversation_id: str) -> None:
    sent = [chat.send(conversation_id, "Hello", model) for model in ("a", "b", "c")]
    assert [turn.joined for turn in sent] == [False, True, True]
    assert len({(turn.conversation_id, turn.turn_id) for turn in sent}) == 1
    assert chat.said(sent[0].conversation_id) == ["Hello"]


async def test_parallel_sends_through_the_database_are_one_turn(database: Database) -> None:
    new_id = counting_ids()

    def send(conn: sqlite3.Connection, model: str) -> OpenTurn:
        turn = turns.open_turn(
            conn,
            conversation_id="null",
            project_id="p",
            content="Hi",
            models=[model],
            now=NOW,
            new_id=new_id,
        )
        ledger.intent(
            conn,
            LedgerEntry(
                new_id(), NOW, "chat", turn_id=turn.turn_id, conversation_id=turn.conversation_id, model=model
            ),
        )
        return turn

    async with asyncio.timeout(60):
        await database.write(lambda conn: projects.create(conn, "p", "P", now=NOW))
        sent = await asyncio.gather(*(database.write(send, f"model-{n}") for n in range(8)))
    assert len({turn.turn_id for turn in sent}) == 1
    assert sum(not turn.joined for turn in sent) == 1


def _running(chat: Chat, turn: OpenTurn) -> None:
    return None


def _answered_with_a_message(chat: Chat, turn: OpenTurn) -> None:
    chat.conn.execute("DELETE FROM ledger")
    chat.answer(turn, "answer", "a")


def _settled(chat: Chat, turn: OpenTurn) -> None:
    ledger.settle(chat.conn, chat.intent, Settlement("settled"), NOW)


def _stopped_before_a_word(chat: Chat, turn: OpenTurn) -> None:
    ledger.settle(chat.conn, chat.intent, Settlement("settled", incomplete=True), NOW)


def _failed(chat: Chat, turn: OpenTurn) -> None:
    ledger.settle(chat.conn, chat.intent, Settlement("failed", error_kind="timeout"), NOW)


def _interrupted(chat: Chat, turn: OpenTurn) -> None:
    ledger.settle(chat.conn, chat.intent, Settlement("unknown", error_kind="interrupted"), NOW)


@pytest.mark.parametrize("conversation_id", ["c", "null"])
@pytest.mark.parametrize(
    ("what_happened", "joins"),
    [
        (_running, False),
        (_answered_with_a_message, False),
        (_settled, False),
        (_stopped_before_a_word, True),
        (_failed, True),
        (_interrupted, True),
    ],
)
def test_the_same_model_joins_again_only_when_it_has_no_answer(
    chat: Chat, conversation_id: str, what_happened: Callable[[Chat, OpenTurn], None], joins: bool
) -> None:
    first = chat.send(conversation_id, "Hello", "a")
    what_happened(chat, first)
    second = chat.send(conversation_id, "Hello", "a")
    assert second.joined is joins
    assert (second.turn_id == first.turn_id) is joins
    if conversation_id == "null":
        # A first message that does not join is a conversation of its own.
        assert (second.conversation_id == first.conversation_id) is joins


def test_another_text_begins_another_turn(chat: Chat) -> None:
    first, second = chat.send("c", "Hello", "a"), chat.send("c", "Hello!", "b")
    assert not second.joined
    assert second.conversation_id == first.conversation_id
    assert chat.said("c") == ["Hello", "Hello!"]


def test_only_the_newest_turn_is_joined(chat: Chat) -> None:
    chat.send("c", "Hello", "a")
    chat.send("c", "Something else", "a")
    assert not chat.send("c", "Hello", "b").joined
    assert chat.said("c") == ["Hello", "Something else", "Hello"]


def test_another_first_message_is_another_conversation(chat: Chat) -> None:
    first, second = chat.send("null", "Hello", "a"), chat.send("null", "Bye", "b")
    assert first.conversation_id != second.conversation_id
    assert "null" not in {first.conversation_id, second.conversation_id}
    assert conversations.get(chat.conn, "null") is None


def test_a_first_message_does_not_join_a_conversation_of_another_project_or_one_with_a_name(
    chat: Chat,
) -> None:
    projects.create(chat.conn, "q", "Other", now=NOW)
    chat.send("named", "Hello", "a")
    first = chat.send("null", "Hello", "b")
    assert not first.joined
    assert not chat.send("null", "Hello", "c", project_id="q").joined


def test_without_an_id_every_send_is_a_conversation_of_its_own(chat: Chat) -> None:
    first, second = chat.send(None, "Hello", "a"), chat.send(None, "Hello", "b")
    assert first.conversation_id != second.conversation_id
    assert not second.joined


def test_a_send_marks_the_conversation_as_used(chat: Chat) -> None:
    for content in ("One", "Two", "Two"):
        chat.send("c", content, content + str(chat.now))
        conversation = conversations.get(chat.conn, "c")
        assert conversation is not None
        assert conversation.last_used == chat.now


def test_a_model_sees_the_users_turns_and_its_own_answers(chat: Chat) -> None:
    first = chat.send("c", "One", "a")
    chat.send("c", "One", "b")
    chat.answer(first, "from b", "b")
    second = chat.send("c", "Two", "a")
    # The answer to the first question comes when the second one has been asked already.
    chat.answer(first, "from a", "a")
    chat.answer(second, "", "a")
    third = chat.send("c", "Three", "a")
    assert turns.history(chat.conn, "c", "a", third.turn_id) == [
        ("user", "One"),
        ("assistant", "from a"),
        ("user", "Two"),
    ]
    assert turns.history(chat.conn, "c", "b", third.turn_id) == [
        ("user", "One"),
        ("assistant", "from b"),
        ("user", "Two"),
    ]
    assert turns.history(chat.conn, "c", "a", first.turn_id) == []
    assert turns.history(chat.conn, "c", "a", "none") == []


def test_history_keeps_the_newest_turns_that_fit_and_keeps_them_whole(chat: Chat) -> None:
    for content in ("aaaa", "bbbb", "cccc"):
        chat.answer(chat.send("c", content, "a"), content.upper(), "a")
    now = chat.send("c", "now", "a")
    assert turns.history(chat.conn, "c", "a", now.turn_id, 16) == [
        ("user", "bbbb"),
        ("assistant", "BBBB"),
        ("user", "cccc"),
        ("assistant", "CCCC"),
    ]
    assert turns.history(chat.conn, "c", "a", now.turn_id, 15)[0] == ("user", "cccc")
    assert turns.history(chat.conn, "c", "a", now.turn_id, 0) == []
    assert len(turns.history(chat.conn, "c", "a", now.turn_id)) == 6


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("Hello", "Hello"),
        ("\n\n  Second   line \nThird", "Second line"),
        ("", "New conversation"),
        (" \n\t", "New conversation"),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 60, "x" * 60),
        ("word " * 20, "word word word word word word word word word word word…"),
    ],
)
def test_a_conversation_is_named_after_its_first_line(content: str, name: str) -> None:
    assert turns.name_from(content) == name
    assert len(name) <= 60
