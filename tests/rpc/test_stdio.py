from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sidecar.rpc.stdio import ClientGone, WireWriter
from sidecar.rpc.wire_reader import ThreadReader
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.pipe import Pipe


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.mark.parametrize("size", [10, 5_000, 3_000_000])
async def test_a_write_ends_when_all_of_it_was_taken(pipe: Pipe, size: int) -> None:
    writer, reader = WireWriter(pipe.write_end), ThreadReader(pipe.read_end)
    data = os.urandom(size)
    writing = asyncio.create_task(writer.write(data))
    arrived = b""
    async with asyncio.timeout(60):
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
    async with asyncio.timeout(60):
        with pytest.raises(ClientGone):
            await writing


@pytest.mark.parametrize("size", [10, 100_000])
async def test_a_client_that_is_gone_is_told_apart(pipe: Pipe, size: int) -> None:
    pipe.close(pipe.read_end)
    async with asyncio.timeout(60):
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only what a writable pipe takes for certain")
async def test_what_cannot_block_is_written_at_once_and_nothing_else(pipe: Pipe) -> None:
    writer = WireWriter(pipe.write_end)
    # All of it is free.
    assert writer.write_now(b"x" * 40_000)
    # The client has not read yet: it takes what a pipe takes whole, and no more.
    assert not writer.write_now(b"x" * 5_000)
    assert writer.write_now(b"x" * 4_000)
    assert not writer.write_now(b"x" * 60_000)
    assert len(os.read(pipe.read_end, 100_000)) == 44_000
    assert writer.write_now(b"x" * 60_000)
    assert writer.bytes_written == 104_000


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe is no socket there")
async def test_a_socket_that_is_full_takes_nothing_at_once() -> None:
    one, other = socket.socketpair()
    with one, other:
        writer = WireWriter(one.fileno())
        assert writer.write_now(b"x" * 4_000)
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                one.send(b"x" * 65_536)
        one.setblocking(True)
        assert not writer.write_now(b"x")
