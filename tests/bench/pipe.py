"""A server of JSON-RPC behind a pipe, asked from here: the same client for ours and for every peer.

All are spoken to in `Content-Length` frames, which all of them know, so that none has the cheaper client.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Piped:
    """`with Piped(command) as server: server.ask("method", {...})`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=REPOSITORY,
            env={**_as_installed(), **(environment or {})},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        self._seen = bytearray()
        self._number = 0

    def __enter__(self) -> Piped:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self.send("shutdown")
            self.send("exit", None, None)
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]

    @property
    def pid(self) -> int:
        return self._process.pid

    def frame(self, method: str, params: Any = None, number: int | None = 0) -> bytes:
        """Return a request as it is sent; a number of None is a notification."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if number is not None:
            message["id"] = number
        if params is not None:
            message["params"] = params
        body = json.dumps(message, separators=(",", ":")).encode()
        return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)

    def send(self, method: str, params: Any = None, number: int | None = 0) -> None:
        self.write(self.frame(method, params, number))

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._in, view) :]

    def bodies(self) -> Iterator[bytes]:
        """Yield every message as it arrives, without end."""
        while True:
            yield from self._whole()
            data = os.read(self._out, 1 << 20)
            if not data:
                raise EOFError("the server has ended")
            self._seen += data

    def _whole(self) -> Iterator[bytes]:
        start = 0
        try:
            while (end := self._seen.find(b"\r\n\r\n", start)) >= 0:
                length = _LENGTH.search(self._seen, start, end)
                assert length is not None
                last = end + 4 + int(length[1])
                if last > len(self._seen):
                    return
                body, start = bytes(self._seen[end + 4 : last]), last
                yield body
        finally:
            del self._seen[:start]

    def ask(self, method: str, params: Any = None) -> Any:
        """Return the result of one request. Raises RuntimeError for an error."""
        self._number += 1
        self.send(method, params, self._number)
        for body in self.bodies():
            message = json.loads(body)
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message.get("result")
        raise AssertionError

    def timed(self, method: str, params: Any, count: int) -> list[float]:
        """Return the microseconds of each of so many requests, one after the other, in order of size."""
        data = self.frame(method, params, 7)
        taken = []
        for _ in range(count):
            begun = time.perf_counter_ns()
            self.write(data)
            body = next(self.bodies())
            while b'"method"' in body[:60]:
                body = next(self.bodies())
            taken.append((time.perf_counter_ns() - begun) / 1000)
            assert b'"error":{' not in body, body[:300]
        return sorted(taken)

    def rate(self, make: Callable[[int], bytes], count: int, in_flight: int) -> float:
        """Return the answers a second while the number under way stays at `in_flight`."""
        sent = min(in_flight, count)
        answered = 0
        begun = time.perf_counter()
        self.write(b"".join(map(make, range(sent))))
        while answered < count:
            found = list(self._whole())
            if not found:
                data = os.read(self._out, 1 << 20)
                if not data:
                    raise EOFError("the server has ended")
                self._seen += data
                continue
            assert b'"error":{' not in found[0], found[0][:300]
            answered += len(found)
            more = min(len(found), count - sent)
            if more:
                self.write(b"".join(map(make, range(sent, sent + more))))
                sent += more
        return count / (time.perf_counter() - begun)


def processor_seconds(pid: int) -> float | None:
    """Return the processor time of a running process; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float | None:
    """Return what of a running process is in memory; None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else None


def _as_installed() -> dict[str, str]:
    """The environment as an app has it: a setting of developers would have all of us compiled at every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
