"""One question to many models: one turn, failures apart, one stop for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from sidecar.chat.chat_types import ChatInput, ChatResult
from sidecar.chat.compare import Comparison, compare
from sidecar.errors import Failure
from sidecar.providers.base import Done, TextDelta
from tests.helpers.asking import USAGE, Desk

MODELS = ("openai/gpt-4o", "openai/gpt-4.1", "openai/gpt-6-luna")


async def ask(
    at: Desk, models: Sequence[str] = MODELS, **given: Any
) -> tuple[Comparison, list[tuple[str, str]]]:
    streamed: list[tuple[str, str]] = []

    def emit(model: str, event: Any) -> None:
        if isinstance(event, TextDelta):
            streamed.append((model, event.text))

    question = ChatInput(given.pop("content", "Why?"), "", given.pop("conversation", "talk"))
    return await compare(
        at.chat, question, models, emit, lambda model, reply: streamed.append((model, "done"))
    ), streamed


async def test_all_models_answer_the_same_turn_in_the_order_asked(at: Desk) -> None:
    comparison, streamed = await ask(at)

    assert [each.model_id for each in comparison.outcomes] == list(MODELS)
    assert all(isinstance(each.outcome, ChatResult) for each in comparison.outcomes)
    stored = await at.messages()
    assert [message.role for message in stored].count("user") == 1
    assert {message.turn_id for message in stored} == {comparison.turn_id}
    for model in MODELS:
        assert [text for of, text in streamed if of == model] == ["Because.", "done"]


async def test_one_model_s_failure_is_only_its_own(at: Desk) -> None:
    comparison, _ = await ask(at, ["openai/gpt-4o", "openai/no-such-model"])
    first, second = (each.outcome for each in comparison.outcomes)
    assert isinstance(first, ChatResult)
    assert isinstance(second, Failure)
    assert second.kind == "not_found"


async def test_the_same_model_twice_gives_two_answers_in_one_turn(at: Desk) -> None:
    comparison, _ = await ask(at, ["openai/gpt-4o", "openai/gpt-4o"])
    first, second = (each.outcome for each in comparison.outcomes)
    assert isinstance(first, ChatResult)
    assert isinstance(second, ChatResult)
    assert first.id != second.id
    assert [role for role, _ in await at.said()] == ["user", "assistant", "assistant"]


async def test_more_models_for_the_same_question_join_its_turn(at: Desk) -> None:
    first, _ = await ask(at, ["openai/gpt-4o"])
    second, _ = await ask(at, ["openai/gpt-4.1"])
    third, _ = await ask(at, ["openai/gpt-4.1", "openai/gpt-6-luna"])
    assert first.turn_id == second.turn_id != third.turn_id


async def test_an_empty_question_is_wrong_for_all_of_them(at: Desk) -> None:
    with pytest.raises(Failure, match="empty"):
        await ask(at, content=" ")
    assert await at.conversations() == []


async def test_outside_a_conversation_the_costs_have_the_turn_in_common(at: Desk) -> None:
    comparison, _ = await ask(at, conversation=None)
    assert {entry.turn_id for entry in await at.ledger()} == {comparison.turn_id}
    assert await at.conversations() == []


async def test_stopping_the_conversation_keeps_what_had_ended(at: Desk) -> None:
    at.provider.script = [TextDelta("Half"), asyncio.Event()]
    asking = asyncio.create_task(ask(at))
    async with asyncio.timeout(60):
        while len(at.provider.sent) < len(MODELS):
            at.provider.begun.clear()
            await at.provider.begun.wait()
        assert at.chat.abort("talk") == len(MODELS)
        comparison, _ = await asking
    assert all(isinstance(each.outcome, asyncio.CancelledError) for each in comparison.outcomes)


async def test_a_first_question_to_many_is_stopped_by_the_id_it_was_sent_with(at: Desk) -> None:
    at.provider.script = [asyncio.Event()]
    asking = asyncio.create_task(ask(at, conversation="null"))
    async with asyncio.timeout(60):
        while len(at.provider.sent) < len(MODELS):
            at.provider.begun.clear()
            await at.provider.begun.wait()
        assert at.chat.abort("null") == len(MODELS)
        comparison, _ = await asking
    assert all(isinstance(each.outcome, asyncio.CancelledError) for each in comparison.outcomes)
    assert at.provider.closed == len(MODELS)


@pytest.mark.parametrize("conversation", ["talk", "null"])
async def test_a_stop_while_the_question_is_still_being_stored_lets_nothing_be_sent(
    at: Desk, conversation: str
) -> None:
    at.provider.script = [asyncio.Event()]
    asking = asyncio.create_task(ask(at, conversation=conversation))
    async with asyncio.timeout(60):
        await asyncio.sleep(0)
        assert at.chat.abort(conversation) == 1
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert (at.provider.sent, await at.ledger()) == ([], [])


async def test_cancelling_the_request_stops_all_and_settles_each(at: Desk) -> None:
    at.provider.script = [TextDelta("Half"), asyncio.Event(), Done("stop", USAGE)]
    asking = asyncio.create_task(ask(at))
    async with asyncio.timeout(60):
        while len(at.provider.sent) < len(MODELS):
            at.provider.begun.clear()
            await at.provider.begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert at.provider.closed == len(MODELS)
    assert {entry.state for entry in await at.ledger()} == {"unknown"}
