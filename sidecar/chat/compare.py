"""One question to many models at once; what happens to one is only its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sidecar.chat.chat_types import ChatInput, ChatResult
from sidecar.chat.service import ChatService
from sidecar.chat.waiting import Waiting
from sidecar.providers.base import Event

EmitOf = Callable[[str, Event | Waiting], None]
FinishedOf = Callable[[str, ChatResult], None]


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one model: a reply, or what kept it from giving one."""

    model_id: str
    outcome: ChatResult | BaseException


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes stand in the order in which the models were asked."""

    turn_id: str
    outcomes: tuple[Compared, ...]


async def compare(
    chat: ChatService, chat_input: ChatInput, model_ids: Sequence[str], emit: EmitOf, finished: FinishedOf
) -> Comparison:
    """Asks every model; `emit` gets each event, `finished` each reply, with the model's id as it was asked for.

    Raises Failure only for what is wrong with the question itself. Cancelled, it stops all of them and waits
    until each is settled.
    """

    async def one(model_id: str) -> ChatResult:
        reply = await chat.send(replace(chat_input, model_id=model_id), partial(emit, model_id))
        finished(model_id, reply)
        return reply

    tasks: list[asyncio.Task[ChatResult]] = []
    try:
        with chat.stoppable(chat_input.conversation_id):
            chat_input = await chat.open_turn(chat_input, model_ids)
            tasks += [asyncio.create_task(one(model_id)) for model_id in model_ids]
            # Each of them can be stopped by itself once it has begun.
            await asyncio.sleep(0)
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        raise
    outcomes = [Compared(model_id, _outcome(task)) for model_id, task in zip(model_ids, tasks, strict=True)]
    return Comparison(str(chat_input.turn_id), tuple(outcomes))


def _outcome(task: asyncio.Task[ChatResult]) -> ChatResult | BaseException:
    try:
        return task.result()
    except BaseException as problem:
        return problem
