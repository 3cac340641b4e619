"""A sidecar as a real process, spoken to as Electron does. Every wait has a deadline; nothing sleeps."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.starting import Forked, start
from tests.helpers.wire import Framing, Splitter, frame, request

# For what never comes. A machine on which everybody builds something takes seconds for what takes a tenth.
DEADLINE_SECONDS = 60.0
_KEPT_LINES = 200


class RpcError(Exception):
    """An error response."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message} {data}")
        self.code = code
        self.message = message
        self.data = data


class Started(NamedTuple):
    """A request that was sent: `reply` gives its result or raises RpcError."""

    reply: asyncio.Future[Any]
    id: int


class SidecarProcess:
    """`async with SidecarProcess([sys.executable, "-m", ...]) as p: await p.call("method", params)`.

    `notifications` are queues by method, `progress` are queues of values by token, `received` is everything in
    the order of arrival. What belongs to no call of ours comes out of `read_message`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        framing: Framing = "newline",
        env: Mapping[str, str] | None = None,
        cwd: Path = REPOSITORY,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self.notifications: defaultdict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)
        self.progress: defaultdict[Any, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)
        self.received: list[Any] = []
        self._arrived = asyncio.Event()
        # Its output has ended: nothing is answered any more.
        self._silent = False
        self.stderr: deque[str] = deque(maxlen=_KEPT_LINES)
        self._command = command
        self._framing: Framing = framing
        self._env = env
        self._cwd = cwd
        self._deadline = deadline
        self._last_id = 0
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._unclaimed: asyncio.Queue[Any] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()
        self._logged = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> SidecarProcess:
        pipe = asyncio.subprocess.PIPE
        self._process = await start(
            self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._env, cwd=self._cwd
        )
        self._tasks = [asyncio.create_task(self._read_stdout()), asyncio.create_task(self._read_stderr())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self.kill()
        self.resume_reading()
        await self.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def forked(self) -> bool:
        """Whether it began with the memory of the process that it was forked from."""
        return isinstance(self._process, Forked)

    async def call(self, method: str, params: Any = ...) -> Any:
        """The result, or RpcError. Params `...` are left away."""
        return await self.result(self.start_call(method, params))

    def start_call(self, method: str, params: Any = ...) -> Started:
        """Sends a request and does not wait for its answer."""
        self._last_id += 1
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # Whoever is not interested in a failure has not forgotten it.
        reply.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._pending[self._last_id] = reply
        if self._silent:
            reply.set_exception(self._no_more())
        self.send(request(method, params, self._last_id))
        return Started(reply, self._last_id)

    async def result(self, started: Started) -> Any:
        async with self._in_time(f"the answer to request {started.id}"):
            return await asyncio.shield(started.reply)

    def notify(self, method: str, params: Any = ...) -> None:
        self.send(request(method, params, ...))

    def send(self, message: Any) -> None:
        """One message in the framing of this process."""
        self.send_raw(frame(message, self._framing))

    def send_raw(self, data: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(data)

    async def sent(self) -> None:
        """Waits until the pipe has nearly all that was sent."""
        stdin = self._process.stdin
        assert stdin is not None
        async with self._in_time("the pipe to take what was sent"):
            await stdin.drain()

    async def read_message(self) -> Any:
        """The next message that is neither an answer to `call`, nor progress, nor a notification."""
        async with self._in_time("a message"):
            return await self._unclaimed.get()

    async def arrival(self, number: int) -> Any:
        """The message that arrived as this one, from 0 on, whatever it is."""
        async with self._in_time(f"message {number} of all"):
            while len(self.received) <= number:
                self._arrived.clear()
                await self._arrived.wait()
            return self.received[number]

    async def news(self, seconds: float = 0.05) -> None:
        """Waits for the next message, whatever it is, but no longer than that: not all that changes is told.

        Whoever asks again without a pause takes the core from what they wait for.
        """
        self._arrived.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()

    async def notification(self, method: str) -> Any:
        """The params of the next notification of this method."""
        async with self._in_time(f"a notification {method}"):
            return await self.notifications[method].get()

    async def logged(self, text: str) -> str:
        """The first line on stderr that holds the text, waited for if need be."""
        async with self._in_time(f"{text!r} on stderr"), self._logged:
            while not (found := [line for line in self.stderr if text in line]):
                await self._logged.wait()
            return found[0]

    def pause_reading(self) -> None:
        """Takes nothing more from stdout than what is on its way."""
        self._reading.clear()

    def resume_reading(self) -> None:
        self._reading.set()

    def close_stdin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """The exit code, once both output streams have been read to their ends."""
        async with self._in_time("the process to end"):
            code = await self._process.wait()
            await asyncio.gather(*self._tasks)
        self.close_stdin()
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            await self._process.stdin.wait_closed()
        return code

    def rss_bytes(self) -> int | None:
        """Resident memory of the process, where the system tells it in /proc."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1]
        except OSError:
            return None
        return int(pages) * 4096

    @contextlib.asynccontextmanager
    async def _in_time(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except TimeoutError:
            log = "\n".join(self.stderr)
            raise AssertionError(f"waited {self._deadline} s for {what}; stderr:\n{log}") from None

    async def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        splitter = Splitter(self._framing)
        while chunk := await self._process.stdout.read(65536):
            await self._reading.wait()
            for message in splitter.feed(chunk):
                self.received.append(message)
                self._arrived.set()
                self._sort(message)
        self._silent = True
        for reply in self._pending.values():
            reply.set_exception(self._no_more())
        self._arrived.set()
        if splitter.rest:
            raise AssertionError(f"a frame was cut short: {splitter.rest[:200]!r}")

    def _no_more(self) -> ConnectionError:
        log = "\n".join(self.stderr)
        return ConnectionError(f"the process has closed its output; stderr:\n{log}")

    def _sort(self, message: Any) -> None:
        known = message if isinstance(message, dict) else {}
        if known.get("method") == "$/progress":
            self.progress[known["params"]["token"]].put_nowait(known["params"]["value"])
        elif "method" in known:
            self.notifications[known["method"]].put_nowait(known.get("params"))
        elif isinstance(known.get("id"), int) and known["id"] in self._pending:
            reply = self._pending.pop(known["id"])
            if "error" in known:
                reply.set_exception(RpcError(**known["error"]))
            else:
                reply.set_result(known["result"])
        else:
            self._unclaimed.put_nowait(message)

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            async with self._logged:
                self.stderr.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                self._logged.notify_all()


def drain(queue: asyncio.Queue[Any]) -> list[Any]:
    """Everything a queue holds now."""
    return [queue.get_nowait() for _ in range(queue.qsize())]
