"""How fast the pipe is, next to the least that any Python process could do. Run by hand: `make bench`.

Both are real processes behind real pipes and answer the same requests, one after the other and 64 at a time.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

REPOSITORY = Path(__file__).resolve().parents[1]
ONE_BY_ONE = 3_000
TOGETHER = 40_000
IN_FLIGHT = 64
ROUNDS = 3


@dataclass(frozen=True)
class Figures:
    """Microseconds for one request alone, requests a second with many under way, a request of 1 MB in ms."""

    p50_us: float
    p99_us: float
    a_second: float
    megabyte_ms: float


def main() -> None:
    print(f"{'':18}{'p50 µs':>10}{'p99 µs':>10}{'requests/s':>12}{'1 MB, ms':>10}")
    bare = show("bare asyncio", [sys.executable, "-m", "tests.bench_pipe", "bare"])
    toy = show("the pipe", [sys.executable, "-m", "tests.helpers.toy"])
    print(
        f"{'ratio':18}{toy.p50_us / bare.p50_us:10.1f}{toy.p99_us / bare.p99_us:10.1f}"
        f"{toy.a_second / bare.a_second:12.2f}{toy.megabyte_ms / bare.megabyte_ms:10.1f}"
    )


def show(name: str, command: list[str]) -> Figures:
    rounds = [measure(command) for _ in range(ROUNDS)]
    best = Figures(
        min(each.p50_us for each in rounds),
        min(each.p99_us for each in rounds),
        max(each.a_second for each in rounds),
        min(each.megabyte_ms for each in rounds),
    )
    print(f"{name:18}{best.p50_us:10.0f}{best.p99_us:10.0f}{best.a_second:12,.0f}{best.megabyte_ms:10.1f}")
    return best


def measure(command: list[str]) -> Figures:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=REPOSITORY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ask(process.stdin, process.stdout, 500)
        times = sorted(ask(process.stdin, process.stdout, ONE_BY_ONE))
        megabyte = sorted(ask(process.stdin, process.stdout, 20, 1_000_000))
        a_second = together(process.stdin, process.stdout)
        process.stdin.close()
    return Figures(
        times[len(times) // 2] / 1000,
        times[len(times) * 99 // 100] / 1000,
        a_second,
        megabyte[len(megabyte) // 2] / 1_000_000,
    )


def message(number: int, size: int = 5) -> bytes:
    text = "x" * size
    return f'{{"jsonrpc":"2.0","id":{number},"method":"echo","params":{{"text":"{text}"}}}}\n'.encode()


def ask(out: IO[bytes], back: IO[bytes], count: int, size: int = 5) -> list[int]:
    """Nanoseconds for each request, one after the other."""
    times = []
    for number in range(count):
        data = message(number, size)
        start = time.perf_counter_ns()
        out.write(data)
        out.flush()
        back.readline()
        times.append(time.perf_counter_ns() - start)
    return times


def together(out: IO[bytes], back: IO[bytes]) -> float:
    """Requests a second while the number under way stays at IN_FLIGHT."""
    sent = IN_FLIGHT
    answered = 0
    start = time.perf_counter()
    out.write(b"".join(message(number) for number in range(sent)))
    out.flush()
    while answered < TOGETHER:
        arrived = os.read(back.fileno(), 1 << 20).count(b"\n")
        answered += arrived
        more = min(arrived, TOGETHER - sent)
        if more:
            out.write(b"".join(message(number) for number in range(sent, sent + more)))
            out.flush()
            sent += more
    return TOGETHER / (time.perf_counter() - start)


async def bare() -> None:
    """The least there can be: asyncio's own pipes, orjson, one write for each turn of the loop."""
    import orjson

    class Echo(asyncio.Protocol):
        def __init__(self) -> None:
            self.rest = b""
            self.ended = asyncio.Event()

        def data_received(self, data: bytes) -> None:
            *lines, self.rest = (self.rest + data).split(b"\n")
            answers = []
            for line in lines:
                asked = orjson.loads(line)
                answers.append(orjson.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": asked["params"]}))
            if answers:
                writer.write(b"\n".join(answers) + b"\n")

        def eof_received(self) -> None:
            self.ended.set()

    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    writer: asyncio.WriteTransport = transport
    _, echo = await loop.connect_read_pipe(Echo, sys.stdin.buffer)
    await echo.ended.wait()


if __name__ == "__main__":
    if sys.argv[1:] == ["bare"]:
        asyncio.run(bare())
    else:
        main()
