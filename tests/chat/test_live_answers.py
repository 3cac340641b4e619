"""Answers on their way: who joins late gets everything once, and what arrived outlives the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.chat.live_answers import LiveAnswer, LiveAnswers
from sidecar.errors import Failure
from sidecar.providers.base import Done, TextDelta, TextWasThinking, ThinkingDelta
from sidecar.spending.recovery import after_a_run
from sidecar.store import answer_pieces, conversations
from sidecar.store.answer_pieces import AnswerPiece, joined, put_together
from sidecar.store.records import LedgerEntry
from tests.helpers.asking import USAGE, Desk, desk

NOW = 1_795_435_200_000


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path, keep_seconds=0) as made:
        yield made


def live(*events: Any) -> LiveAnswer:
    entry = LedgerEntry("request", NOW, "chat", conversation_id="talk", turn_id="turn", model="openai/gpt-4o")
    made = LiveAnswer(entry, "message", NOW, lambda: NOW)
    for event in events:
        made.take(event)
    return made


def test_what_came_after_a_piece_is_given_without_what_came_before_it() -> None:
    answer = live(ThinkingDelta("Hm. "), TextDelta("Be"), TextDelta("cause"))

    assert answer.so_far() == (0, "Because", "Hm. ")
    assert answer.so_far(2) == (2, "cause", "")
    assert answer.so_far(3) == (3, "", "")
    assert answer.so_far(9) == (0, "Because", "Hm. ")  # of another answer: all of this one


def test_text_that_was_thinking_is_given_anew() -> None:
    answer = live(TextDelta("Let me "), TextWasThinking("Let me see."), TextDelta("Blue."))

    assert answer.so_far() == (0, "Blue.", "Let me see.")
    assert answer.so_far(1) == (0, "Blue.", "Let me see.")
    assert answer.so_far(2) == (2, "Blue.", "")


def test_pieces_of_one_kind_are_kept_as_one() -> None:
    pieces = [
        AnswerPiece(1, "text", "a"),
        AnswerPiece(2, "text", "b"),
        AnswerPiece(3, "thinking", "c"),
        AnswerPiece(4, "text", "d"),
    ]

    assert joined(pieces) == [
        AnswerPiece(2, "text", "ab"),
        AnswerPiece(3, "thinking", "c"),
        AnswerPiece(4, "text", "d"),
    ]
    assert put_together(joined(pieces)) == put_together(pieces) == ("abd", "c")


async def test_states_are_told_once_each() -> None:
    told: list[str] = []
    answers, answer = LiveAnswers(lambda each: told.append(each.state)), live()
    answers.begin(answer)
    for piece in ("a", "b"):
        answer.take(TextDelta(piece))
        answers.look(answer)

    assert told == ["asking", "writing"]
    assert list(answers) == answers.of_turn("turn") == [answer]


async def pieces_of(at: Desk) -> list[AnswerPiece]:
    def read(conn: Any) -> list[AnswerPiece]:
        rows = conn.execute("SELECT seq, kind, text FROM answer_pieces ORDER BY seq")
        return [AnswerPiece(*row) for row in rows]

    return await at.store.read(read)


async def kept(at: Desk, text: str) -> None:
    """Waits until so much of the answer is on the disk."""
    async with asyncio.timeout(60):
        while put_together(await pieces_of(at))[0] != text:
            await asyncio.sleep(0)


async def test_what_has_arrived_is_on_the_disk_while_more_is_awaited(at: Desk) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    at.provider.script = [
        TextDelta("Be"),
        first,
        TextDelta("cau"),
        TextDelta("se."),
        second,
        Done("stop", USAGE),
    ]
    asking = at.asking()
    await kept(at, "Be")
    first.set()
    await kept(at, "Because.")
    second.set()
    await asking

    assert await pieces_of(at) == []
    assert (await at.said())[-1] == ("assistant", "Because.")


async def test_a_run_that_died_leaves_the_text_as_an_interrupted_answer(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [ThinkingDelta("Hm."), TextDelta("Beca"), gate]
    asking = at.asking()
    await kept(at, "Beca")
    # What the next start does first, with the database as the process left it.
    assert await at.store.write(after_a_run, NOW + 5) == 1

    _, answer = await at.messages()
    assert (answer.content, answer.thinking, answer.finish_reason) == ("Beca", "Hm.", "interrupted")
    assert (answer.model, answer.provider) == ("openai/gpt-4o", "GPT-4o")
    [entry] = await at.ledger()
    assert (entry.state, entry.message_id, entry.cost_usd) == ("unknown", answer.id, None)
    assert answer.at_most_usd == entry.at_most_usd is not None
    assert await pieces_of(at) == []
    asking.cancel()
    await asyncio.wait({asking})


async def test_what_had_arrived_of_an_answer_when_the_process_died_is_what_it_cost_at_least(at: Desk) -> None:
    gate, text = asyncio.Event(), "because " * 100
    at.provider.script = [TextDelta(text), gate]
    asking = at.asking()
    await kept(at, text)
    await at.store.write(after_a_run, NOW + 5)

    [entry] = await at.ledger()
    _, answer = await at.messages()
    # 800 letters are 100 tokens at least, of 10 dollars a million; the cheapest service tier has a half of it.
    assert (entry.state, entry.at_least_usd, answer.at_least_usd) == (
        "unknown",
        Decimal("0.0005"),
        Decimal("0.0005"),
    )
    asking.cancel()
    await asyncio.wait({asking})


async def test_nothing_is_left_of_an_answer_whose_conversation_is_gone(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [TextDelta("Beca"), gate]
    asking = at.asking()
    await kept(at, "Beca")
    await at.store.write(conversations.delete, "talk")
    await at.store.write(after_a_run, NOW + 5)

    assert await at.messages() == []
    assert [entry.state for entry in await at.ledger()] == ["unknown"]
    asking.cancel()
    await asyncio.wait({asking})


async def test_a_piece_that_comes_late_to_the_disk_is_not_kept(at: Desk) -> None:
    at.provider.answers("Because.")
    await at.ask()
    [entry] = await at.ledger()
    late = [AnswerPiece(1, "text", "Be")]
    await at.store.write(answer_pieces.append, entry.id, "message", "GPT-4o", late, NOW)

    assert await pieces_of(at) == []


async def test_a_question_outside_of_conversations_leaves_no_text(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [TextDelta("Beca"), gate, Done("stop", USAGE)]
    asking = at.asking(conversation=None)
    async with asyncio.timeout(60):
        while not [answer for answer in at.chat.live if answer.seq]:
            await asyncio.sleep(0)
    [answer] = at.chat.live
    assert (answer.state, answer.entry.conversation_id) == ("writing", None)
    assert await pieces_of(at) == []
    gate.set()
    await asking
    assert list(at.chat.live) == []


async def test_an_answer_that_failed_says_why_to_whoever_joined_it(at: Desk) -> None:
    gate = asyncio.Event()
    at.provider.script = [TextDelta("Be"), gate, Failure("provider_unavailable", "The line broke.")]
    asking = at.asking()
    async with asyncio.timeout(60):
        while not [answer for answer in at.chat.live if answer.seq]:
            await asyncio.sleep(0)
    [answer] = at.chat.live
    heard: list[Any] = []
    answer.listen(heard.append)
    gate.set()
    with pytest.raises(Failure):
        await asking

    assert heard == [None]
    assert answer.end is not None
    assert (answer.end.state, answer.end.failure) == ("failed", asking.exception())
    _, stored = await at.messages()
    assert stored.id == answer.message_id
