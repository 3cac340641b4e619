"""A large message is read in pieces, with turns for others, and means what it would mean in one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.rpc import codec, long_list
from sidecar.rpc.call import Call
from sidecar.rpc.dispatch import Route
from sidecar.rpc.large_messages import loads_in_turns
from tests.rpc.served import Served

# What looks like an end of a row and is none.
TRAP = '"},{"rows":[{"a": "\\"}, {'


def message(rows: int, **more: Any) -> bytes:
    listed = [
        {"id": f"row-{number}", "prompt": TRAP * (number % 3), "data": {"deep": [{"a": 1}, {"b": TRAP}]}}
        for number in range(rows)
    ]
    asked = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "echo",
        "params": {"projectId": "p", "rows": listed, **more},
    }
    return json.dumps(asked).encode()


def together(data: bytes) -> Any:
    return asyncio.run(loads_in_turns(data))


@pytest.mark.parametrize("rows", [1, 100, 5_000])
@pytest.mark.parametrize("more", [{}, {"start": True}, {"checks": [{"a": 1}, {"b": 2}]}, {"zrows": [{}]}])
def test_a_message_in_pieces_is_the_message(rows: int, more: dict[str, Any]) -> None:
    data = message(rows, **more)
    assert together(data) == codec.loads(data)


def _outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except codec.BadJson as problem:
        return problem.reason, problem.id


@given(st.binary(max_size=40), st.integers(0, 400_000))
@settings(max_examples=60, deadline=None)
def test_what_is_broken_anywhere_is_refused_as_ever(noise: bytes, at: int) -> None:
    whole = message(2_500)
    data = whole[: at % len(whole)] + noise + whole[at % len(whole) :]
    assert _outcome(lambda: together(data)) == _outcome(lambda: codec.loads(data))


def test_a_list_that_is_said_twice_means_what_is_said_last() -> None:
    once = message(3_000)
    twice = once[:-2] + b', "rows": [{"id": "last"}]}}'
    assert together(twice) == codec.loads(twice)
    assert together(twice)["params"]["rows"] == [{"id": "last"}]


def test_rows_that_are_nested_too_deep_are_refused_wherever_they_stand() -> None:
    deep: Any = {}
    for _ in range(codec.MAX_DEPTH):
        deep = {"d": deep}
    data = message(4_000).replace(b'"row-50"', json.dumps(deep).encode())
    with pytest.raises(codec.BadJson) as refused:
        together(data)
    assert refused.value.reason == "depth"


async def test_others_have_turns_while_it_is_read() -> None:
    data = message(10_000)
    reading = asyncio.ensure_future(loads_in_turns(data))
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > len(data) // (4 * long_list.PIECE_BYTES)


async def test_a_request_that_is_still_being_read_can_be_cancelled() -> None:
    async def work(call: Call[Any], params: Any) -> Any:
        return "done"

    served = Served(Route("work", work, lambda raw: raw))
    asked = {"jsonrpc": "2.0", "id": 5, "method": "work"}
    gate = asyncio.Event()

    async def reading() -> Any:
        await gate.wait()
        return asked

    later = asyncio.ensure_future(served.dispatcher.accept_later(5, reading()))
    await asyncio.sleep(0)
    await served.send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 5}})
    gate.set()
    await later
    (answer,) = await served.answers()
    assert answer["error"]["data"]["kind"] == "cancelled"
