from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from sidecar.contract.methods import Method
from sidecar.methods.routes import FirstUses, build_routes
from tests.helpers.inside import inside


async def test_calls_that_come_while_a_method_is_loaded_go_on_in_their_order_and_load_it_once() -> None:
    begun, go_on, loads = threading.Event(), threading.Event(), list[int]()

    def load() -> None:
        loads.append(1)
        begun.set()
        go_on.wait(20)

    first_uses, order = FirstUses(), list[int]()
    # Two methods: what one of them reads, the other may have written just before.
    methods = first_uses.of(load), first_uses.of(lambda: None)

    async def call(number: int) -> None:
        waiting = methods[number % 2]()
        if waiting is not None:
            await waiting
        order.append(number)

    async with asyncio.TaskGroup() as calls:
        for number in range(50):
            calls.create_task(call(number))
        await asyncio.to_thread(begun.wait, 20)
        go_on.set()
        # Those who come at each moment from now on, when it has just been loaded too, stand behind the first ones.
        for number in range(50, 200):
            calls.create_task(call(number))
            await asyncio.sleep(0)
    assert order == list(range(200))
    assert len(loads) == 1
    assert [ready() for ready in methods] == [None, None]


async def test_the_health_is_told_while_what_another_method_needs_is_still_being_loaded() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def load(method: Method) -> None:
        if method.name == "project:list":
            begun.set()
            go_on.wait(20)

    def ready(method: str) -> Awaitable[None]:
        waiting = (routes[method].load or (lambda: None))()
        assert waiting is not None
        return waiting

    routes = build_routes(load=load)
    slow = asyncio.ensure_future(ready("project:list"))
    await asyncio.to_thread(begun.wait, 20)
    behind = asyncio.ensure_future(ready("project:create"))
    async with asyncio.timeout(60):
        await ready("system:health")
    assert not slow.done()
    assert not behind.done()
    go_on.set()
    await asyncio.gather(slow, behind)


async def test_a_method_that_could_not_be_loaded_is_tried_again() -> None:
    tries: list[int] = []

    def load() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ImportError

    ready = FirstUses().of(load)
    results = await asyncio.gather(
        *(waiting for waiting in (ready(), ready()) if waiting), return_exceptions=True
    )
    assert [type(each) for each in results] == [ImportError, type(None)]
    assert ready() is None


async def test_messages_that_a_page_sends_at_once_when_it_opens_are_stored_in_their_order(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path) as first:
        made = await first.ask("project:create", {"name": "P"})
        thread = await first.ask("conversation:create", {"projectId": made["result"]["id"]})
    conversation: dict[str, Any] = {"conversationId": thread["result"]["id"]}
    async with inside(tmp_path) as here:
        for number in range(300):
            params = {**conversation, "role": "user", "content": str(number)}
            here.send({"jsonrpc": "2.0", "method": "messages:add", "params": params})
        await here.ask("messages:add", {**conversation, "role": "user", "content": "300"})
        found = (await here.ask("messages:list", conversation))["result"]
    assert [each["content"] for each in found] == [str(number) for number in range(301)]
