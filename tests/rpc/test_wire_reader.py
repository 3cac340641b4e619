"""Both readers of the wire: by a thread, as on every system, and by the loop, as on Linux."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from sidecar.rpc.wire_reader import (
    MAX_UNREAD_BYTES,
    READ_BYTES,
    LoopReader,
    ThreadReader,
    WireReader,
    reader_of,
)
from tests.helpers.pipe import Pipe

READERS = [ThreadReader, LoopReader] if sys.platform != "win32" else [ThreadReader]
Make = Callable[[int], WireReader]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture(params=READERS)
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


async def test_all_bytes_arrive_in_order_and_then_the_end(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    data = os.urandom(3_000_000)
    pouring = asyncio.create_task(asyncio.to_thread(pipe.pour, data))
    arrived = b""
    async with asyncio.timeout(60):
        while chunk := await reader.read():
            arrived += chunk
        await pouring
        assert await reader.read() == b""
    assert arrived == data


async def test_what_arrived_before_there_was_a_loop_is_not_lost(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    await asyncio.to_thread(pipe.pour, b"early")
    async with asyncio.timeout(60):
        assert [await reader.read(), await reader.read()] == [b"early", b""]


async def test_who_does_not_read_stops_the_writer_at_the_other_end(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    size = 4 * (MAX_UNREAD_BYTES + READ_BYTES)
    pouring = asyncio.create_task(asyncio.to_thread(pipe.pour, b"x" * size))
    async with asyncio.timeout(60):
        arrived = len(await reader.read())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await asyncio.shield(pouring)
    async with asyncio.timeout(60):
        while chunk := await reader.read():
            arrived += len(chunk)
        await pouring
    assert arrived == size


async def test_the_end_is_seen_while_nobody_reads(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def on_end() -> None:
        loop.call_soon_threadsafe(ended.set)

    reader.when_ended(on_end)
    os.write(pipe.write_end, b"first")
    async with asyncio.timeout(60):
        assert await reader.read() == b"first"
        await asyncio.to_thread(pipe.pour, b"x" * 100_000)
        await ended.wait()
        arrived = b""
        while chunk := await reader.read():
            arrived += chunk
    assert arrived == b"x" * 100_000


async def test_whoever_asks_for_the_end_after_it_is_told_at_once(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    pipe.pour(b"")
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    told: list[str] = []
    reader.when_ended(lambda: told.append("ended"))
    assert told == ["ended"]


async def test_nothing_is_read_of_a_pipe_whose_client_is_gone(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    waiting = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    reader.end()
    async with asyncio.timeout(60):
        assert await waiting == b""
    await asyncio.to_thread(pipe.pour, b"by a child that inherited the other end")
    assert await reader.read() == b""


async def test_a_reader_that_was_cancelled_loses_nothing(pipe: Pipe, make: Make) -> None:
    reader = make(pipe.read_end)
    waiting = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.to_thread(pipe.pour, b"kept")
    async with asyncio.timeout(60):
        assert [await reader.read(), await reader.read()] == [b"kept", b""]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread reads")
def test_on_linux_the_loop_reads_pipes_and_sockets_and_a_thread_all_else(pipe: Pipe) -> None:
    one, other = socket.socketpair()
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        kinds = [type(reader_of(each)) for each in (pipe.read_end, one.fileno(), null)]
    finally:
        os.close(null)
        one.close()
        other.close()
    assert kinds == [LoopReader, LoopReader, ThreadReader]
