from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sidecar.rpc.stdio import MAX_UNREAD_BYTES, READ_BYTES, ClientGone, WireReader, WireWriter
from tests.helpers.process import REPOSITORY


class Pipe:
    """Two descriptors, each of which is closed once: a number that is free is used again at once."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}

    def close(self, *ends: int) -> None:
        for end in self._open.intersection(ends or self._open):
            self._open.remove(end)
            os.close(end)

    def pour(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.write_end, view[:65536]) :]
        self.close(self.write_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


async def test_all_bytes_arrive_in_order_and_then_the_end(pipe: Pipe) -> None:
    reader = WireReader(pipe.read_end)
    data = os.urandom(3_000_000)
    pouring = asyncio.create_task(asyncio.to_thread(pipe.pour, data))
    arrived = b""
    async with asyncio.timeout(20):
        while chunk := await reader.read():
            arrived += chunk
        await pouring
        assert await reader.read() == b""
    assert arrived == data


async def test_what_arrived_before_there_was_a_loop_is_not_lost(pipe: Pipe) -> None:
    reader = WireReader(pipe.read_end)
    await asyncio.to_thread(pipe.pour, b"early")
    async with asyncio.timeout(30):
        assert [await reader.read(), await reader.read()] == [b"early", b""]


async def test_who_does_not_read_stops_the_writer_at_the_other_end(pipe: Pipe) -> None:
    reader = WireReader(pipe.read_end)
    size = 4 * (MAX_UNREAD_BYTES + READ_BYTES)
    pouring = asyncio.create_task(asyncio.to_thread(pipe.pour, b"x" * size))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await asyncio.shield(pouring)
    arrived = 0
    async with asyncio.timeout(20):
        while chunk := await reader.read():
            arrived += len(chunk)
        await pouring
    assert arrived == size


@pytest.mark.parametrize("size", [10, 5_000, 3_000_000])
async def test_a_write_ends_when_all_of_it_was_taken(pipe: Pipe, size: int) -> None:
    writer, reader = WireWriter(pipe.write_end), WireReader(pipe.read_end)
    data = os.urandom(size)
    writing = asyncio.create_task(writer.write(data))
    arrived = b""
    async with asyncio.timeout(20):
        while len(arrived) < size:
            arrived += await reader.read()
        await writing
        assert arrived == data
        assert writer.bytes_written == size
        # The reading thread must have ended before the number of its descriptor is used again.
        pipe.close(pipe.write_end)
        assert await reader.read() == b""


async def test_a_client_that_does_not_read_does_not_stop_the_loop(pipe: Pipe) -> None:
    writer = WireWriter(pipe.write_end)
    writing = asyncio.create_task(writer.write(b"x" * 1_000_000))
    turns = 0
    while turns < 100 or not writer.bytes_written:
        await asyncio.sleep(0)
        turns += 1
    assert not writing.done()
    pipe.close(pipe.read_end)
    async with asyncio.timeout(30):
        with pytest.raises(ClientGone):
            await writing


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_client_that_is_gone_is_told_apart(pipe: Pipe, size: int) -> None:
    pipe.close(pipe.read_end)
    async with asyncio.timeout(30):
        with pytest.raises(ClientGone):
            await WireWriter(pipe.write_end).write(b"x" * size)


def test_taking_the_streams_imports_nothing_slow() -> None:
    script = """if True:
        import sys
        from sidecar.rpc.stdio import WireStreams
        slow = {"asyncio", "orjson", "jsonrpcserver", "pydantic"} & sys.modules.keys()
        sys.exit(sorted(slow) or 0)
    """
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, timeout=20, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
