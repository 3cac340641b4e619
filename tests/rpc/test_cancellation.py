from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.helpers.toy import ERRORS
from tests.helpers.wire import request
from tests.rpc.served import Served, ask, method

CANCELLED = {
    "code": -32800,
    "message": ERRORS["cancelled"].sentence,
    "data": {"kind": "cancelled", "retryable": False},
}


async def waiting(served: Served, *ids: Any) -> None:
    """Sends requests that run until they are cancelled, and lets them begin."""
    await served.send(*(request("wait", {}, id) for id in ids))  # noqa: A001
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("params", [{"id": 1}, [{"id": 1}], [1], {"id": 1.0}])
async def test_a_cancelled_request_is_answered_after_it_has_unwound(params: Any) -> None:
    served = Served()
    await waiting(served, 1)
    answers = await served.answers(request("$/cancelRequest", params, ...))
    assert [answer.get("method") for answer in answers] == ["toy:waiting", "toy:settled", None]
    assert answers[-1] == {"jsonrpc": "2.0", "id": 1, "error": CANCELLED}


async def test_a_request_that_is_cancelled_before_it_began_does_nothing() -> None:
    served = Served()
    answers = await served.answers(request("big", {"bytes": 5}), request("$/cancelRequest", {"id": 1}, ...))
    assert answers == [{"jsonrpc": "2.0", "id": 1, "error": CANCELLED}]
    assert served.toys.calls == 0


async def test_a_second_cancellation_does_not_disturb_the_first() -> None:
    served = Served()
    await waiting(served, 1)
    await served.send(request("$/cancelRequest", {"id": 1}, ...))
    await asyncio.sleep(0)
    served.dispatcher.in_flight.cancel_all()
    answers = await served.answers(request("$/cancelRequest", {"id": 1}, ...))
    assert [answer.get("method") for answer in answers] == ["toy:waiting", "toy:settled", None]


@pytest.mark.parametrize("number", [2**70 + 1, "1", None, 1.5])
async def test_only_the_request_with_that_very_id_is_cancelled(number: Any) -> None:
    served = Served()
    others = [2**70, 1, "", 1.25]
    await waiting(served, number, *others)
    await served.send(request("$/cancelRequest", {"id": number}, ...))
    for _ in range(10):
        await asyncio.sleep(0)
    assert served.dispatcher.in_flight.count == len(others)
    served.dispatcher.in_flight.cancel_all()
    answers = [answer for answer in await served.answers() if "id" in answer]
    assert answers[0]["id"] == number


@pytest.mark.parametrize("params", [..., {}, [], {"id": True}, {"id": [1]}, {"id": 2}, [1, 2], {"id": {}}])
async def test_a_cancellation_that_names_nothing_running_means_nothing(params: Any) -> None:
    served = Served()
    await waiting(served, 1)
    await served.send(request("$/cancelRequest", params, ...))
    for _ in range(10):
        await asyncio.sleep(0)
    assert served.dispatcher.in_flight.count == 1
    served.dispatcher.in_flight.cancel_all()
    await served.answers()


async def test_a_cancellation_with_an_id_is_answered() -> None:
    assert await ask(request("$/cancelRequest", {"id": 99}, 2)) == {"jsonrpc": "2.0", "id": 2, "result": None}


async def test_two_requests_with_one_id_are_both_answered_and_both_cancelled() -> None:
    served = Served()
    await waiting(served, 1, 1)
    answers = await served.answers(request("$/cancelRequest", {"id": 1}, ...), request("echo", id=1))
    results = [answer for answer in answers if answer.get("id") == 1]
    assert sorted("error" in answer for answer in results) == [False, True, True]


async def test_a_cancelled_request_is_never_answered_with_a_result() -> None:
    async def stubborn(call: Any, params: Any) -> Any:
        call.notify("toy:waiting")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "but I have a result"

    async def clumsy(call: Any, params: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("on the way out")

    served = Served(method(stubborn, "stubborn"), method(clumsy, "clumsy"))
    await served.send(request("stubborn", id=1), request("clumsy", id=2))
    for _ in range(5):
        await asyncio.sleep(0)
    answers = await served.answers(*(request("$/cancelRequest", {"id": number}, ...) for number in (1, 2)))
    assert [answer["error"] for answer in answers if "error" in answer] == [CANCELLED, CANCELLED]


async def test_what_is_cancelled_from_within_is_answered_as_cancelled() -> None:
    async def abort(call: Any, params: Any) -> Any:
        raise asyncio.CancelledError

    assert (await ask(request("method"), method(abort)))["error"] == CANCELLED


async def test_a_request_in_a_batch_can_be_cancelled() -> None:
    served = Served()
    await served.send([request("wait", {}, 1), request("echo", {}, 2)])
    for _ in range(5):
        await asyncio.sleep(0)
    *_, batch = await served.answers(request("$/cancelRequest", {"id": 1}, ...))
    assert {answer["id"]: "error" in answer for answer in batch} == {1: True, 2: False}


async def test_when_too_much_is_running_the_next_request_waits() -> None:
    served = Served(limit=3)
    await waiting(served, 1, 2, 3)
    fourth = asyncio.create_task(served.send(request("echo", id=4)))
    for _ in range(10):
        await asyncio.sleep(0)
    assert [fourth.done(), served.dispatcher.in_flight.count] == [False, 3]
    served.dispatcher.in_flight.cancel(2)
    async with asyncio.timeout(60):
        await fourth
    served.dispatcher.in_flight.cancel_all()
    assert 4 in [answer.get("id") for answer in await served.answers()]


async def test_when_nothing_ends_more_is_refused_but_for_health_cancelling_and_the_end() -> None:
    health = method(_well, "system:health")
    served = Served(health, limit=2)
    await waiting(served, 1, 2)
    async with asyncio.timeout(60):
        await served.send(*(request("echo", id=number) for number in range(3, 50)))
        await served.send(request("system:health", id=50))
        await served.send(request("$/cancelRequest", {"id": 1}, 51), request("exit", id=52))
        for _ in range(10):
            await asyncio.sleep(0)
    served.dispatcher.in_flight.cancel_all()
    answers = {answer["id"]: answer for answer in await served.answers() if "id" in answer}
    refused = [answers[number]["error"] for number in range(3, 50)]
    assert {each["code"] for each in refused} == {-32051}
    assert {each["data"]["retryAfterMs"] for each in refused} == {2_000}
    assert [answers[number]["result"] for number in (50, 51, 52)] == ["well", None, None]
    assert served.exits == 1


async def _well(call: Any, params: Any) -> str:
    return "well"
