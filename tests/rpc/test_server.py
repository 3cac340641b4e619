from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sidecar.rpc.dispatch import Route
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.server import serve
from sidecar.rpc.stdio import WireStreams
from sidecar.rpc.wire_reader import ThreadReader, WireReader
from tests.helpers.toy import ERRORS, ROUTES, Toys
from tests.helpers.wire import Splitter, frame, request


class Client:
    """The other end of a server that runs in this process."""

    def __init__(
        self, toys: Toys, grace_seconds: float, routes: dict[str, Route], in_flight: InFlight
    ) -> None:
        self._wire_in, self._to_server = os.pipe()
        self._from_server, self._wire_out = os.pipe()
        self._open = {self._wire_in, self._to_server, self._from_server, self._wire_out}
        self._streams = WireStreams(self._wire_in, self._wire_out)
        self.serving = asyncio.create_task(
            serve(
                {**ROUTES, **routes},
                toys,
                errors=ERRORS,
                streams=self._streams,
                grace_seconds=grace_seconds,
                on_stopping=toys.stopping.set,
                notifier=toys.outbox,
                in_flight=in_flight,
            )
        )
        self._splitter = Splitter("newline")
        self._reader: WireReader | None = None
        self.messages: list[Any] = []

    def send(self, *messages: Any) -> None:
        os.write(self._to_server, b"".join(frame(message) for message in messages))

    async def until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Reads on until the messages that have arrived are enough."""
        self._reader = self._reader or ThreadReader(self._from_server)
        async with asyncio.timeout(60):
            while not enough(self.messages):
                chunk = await self._reader.read()
                if not chunk:
                    break
                self.messages.extend(self._splitter.feed(chunk))
        return self.messages

    async def ended(self) -> list[Any]:
        """Everything that was sent until serving ended."""
        async with asyncio.timeout(60):
            await self.serving
        self._close(self._wire_out)
        return await self.until(lambda _: False)

    def close_stdin(self) -> None:
        self._close(self._to_server)

    def go_away(self) -> None:
        self._close(self._from_server)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)

    async def release(self) -> None:
        """Closes a descriptor only when no thread can be reading or writing it: its number is used again."""
        self._close(self._to_server)
        await _drain(self._streams.reader)
        self._close(self._wire_in)
        if self._reader is None:
            self._close(self._from_server)
        else:
            self._close(self._wire_out)
            await _drain(self._reader)
            self._close(self._from_server)


@asynccontextmanager
async def connected(
    toys: Toys | None = None,
    grace_seconds: float = 5.0,
    routes: dict[str, Route] | None = None,
    in_flight: InFlight | None = None,
) -> AsyncIterator[Client]:
    client = Client(toys or Toys(), grace_seconds, routes or {}, in_flight or InFlight())
    try:
        yield client
    finally:
        client.serving.cancel()
        await asyncio.gather(client.serving, return_exceptions=True)
        await client.release()


async def _drain(reader: WireReader) -> None:
    async with asyncio.timeout(60):
        while await reader.read():
            pass


def answers(messages: list[Any]) -> dict[Any, Any]:
    """Results, or the codes of errors, by id."""
    return {
        message["id"]: message["error"]["code"] if "error" in message else message["result"]
        for message in messages
        if "id" in message
    }


async def test_the_end_of_the_stream_ends_the_serving_after_everything_was_answered() -> None:
    async with connected() as client:
        client.send(*(request("echo", {"n": number}, number) for number in range(200)))
        client.close_stdin()
        assert answers(await client.ended()) == {number: {"n": number} for number in range(200)}


async def test_what_is_running_at_the_end_may_finish() -> None:
    async with connected() as client:
        client.send(request("finish"))
        client.close_stdin()
        assert answers(await client.ended()) == {1: "finished"}


async def test_what_does_not_finish_in_time_is_cancelled_and_answered() -> None:
    async with connected(grace_seconds=0.01) as client:
        client.send(request("wait", id=1), request("wait", id=2))
        await client.until(lambda messages: len(messages) == 2)
        client.close_stdin()
        messages = await client.ended()
    assert answers(messages) == {1: -32800, 2: -32800}
    assert [message["method"] for message in messages if "method" in message].count("toy:settled") == 2


async def test_nothing_is_taken_after_exit() -> None:
    async with connected() as client:
        client.send(request("echo", id=1), request("exit", id=...), request("echo", id=2))
        assert answers(await client.ended()) == {1: None}


async def test_a_service_may_notify_before_and_outside_of_any_call() -> None:
    toys = Toys()
    toys.outbox.notify("batch:progress", {"done": 1})
    async with connected(toys) as client:
        client.send(request("echo"))
        await client.until(lambda messages: len(messages) == 2)
        toys.outbox.notify("batch:progress", {"done": 2})
        messages = await client.until(lambda messages: len(messages) == 3)
    assert [message.get("params") for message in messages] == [{"done": 1}, None, {"done": 2}]


async def test_a_service_can_say_how_much_is_running() -> None:
    in_flight = InFlight()
    async with connected(in_flight=in_flight, grace_seconds=0) as client:
        client.send(request("wait", id=1), request("wait", id=2))
        await client.until(lambda messages: len(messages) == 2)
        assert in_flight.count == 2
        client.close_stdin()
        await client.ended()
    assert in_flight.count == 0


async def test_a_client_that_is_gone_ends_the_serving() -> None:
    async with connected(grace_seconds=0) as client:
        client.go_away()
        client.send(request("echo"))
        async with asyncio.timeout(60):
            await client.serving


async def test_what_was_paid_for_is_finished_when_the_client_is_gone() -> None:
    settled = asyncio.Event()

    async def pay(call: Any, params: Any) -> Any:
        await call.services.stopping.wait()
        settled.set()

    async with connected(routes={"pay": Route("pay", pay, lambda params: params)}) as client:
        client.send(request("pay", id=1))
        client.go_away()
        client.send(request("echo", id=2))
        async with asyncio.timeout(60):
            await client.serving
    assert settled.is_set()


async def test_while_the_client_does_not_read_no_new_requests_are_taken() -> None:
    toys = Toys(outbox=Outbox(high_water_bytes=500_000, low_water_bytes=100_000))
    async with connected(toys) as client:
        # More than a pipe holds: whoever writes it in the loop would wait for the loop.
        asked = [request("big", {"bytes": 20_000}, number) for number in range(1500)]
        sending = asyncio.create_task(asyncio.to_thread(client.send, *asked))
        async with asyncio.timeout(60):
            while not toys.outbox.full:
                await asyncio.sleep(0)
        for _ in range(1000):
            await asyncio.sleep(0)
        assert toys.calls < 400
        messages = await client.until(lambda messages: len(messages) == 1500)
        assert sorted(answers(messages)) == list(range(1500))
        assert toys.calls == 1500
        await sending
        client.close_stdin()
        await client.ended()


async def test_a_client_that_never_reads_again_does_not_keep_the_server_from_ending() -> None:
    async with connected() as client:
        client.send(request("big", {"bytes": 5_000_000}))
        client.close_stdin()
        async with asyncio.timeout(60):
            await client.serving


async def test_a_bad_frame_is_answered_and_the_next_one_served() -> None:
    async with connected() as client:
        bad = [b"{bad", b'{"id":1,"method":"\xff"}', b'{"id":2,"params":[NaN]}', b"[" * 100_000]
        os.write(client._to_server, b"".join(frame(body) for body in bad)[:60_000])
        client.close_stdin()
        messages = await client.ended()
    assert [(message["id"], message["error"]["code"]) for message in messages] == [
        (None, -32700),
        (None, -32700),
        (2, -32700),
        (None, -32700),
    ]
    assert len({json.dumps(message["error"]["message"]) for message in messages}) == 4


async def test_a_large_request_beside_one_that_is_not_answered_is_refused_under_its_own_id() -> None:
    async with connected() as client:
        half = {"text": "x" * (33 * 1024 * 1024)}
        sending = asyncio.create_task(
            asyncio.to_thread(client.send, request("wait", half, 1), request("echo", half, 2))
        )
        (refused,) = answers(await client.until(lambda messages: 2 in answers(messages))).items()
        assert refused == (2, -32051)
        await sending
        client.send(request("$/cancelRequest", {"id": 1}, ...))
        await client.until(lambda messages: 1 in answers(messages))
        client.send(request("echo", {"n": 1}, 3))
        assert answers(await client.until(lambda messages: 3 in answers(messages)))[3] == {"n": 1}
