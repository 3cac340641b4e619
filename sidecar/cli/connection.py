"""A sidecar of the command's own, started as the app's bridge starts it, and spoken to over its pipes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sidecar.cli.terminal_words import in_terminal_words

# A message is at most what the pipe takes; an answer may hold a whole job.
LONGEST_LINE = 256 * 1024 * 1024
END_SECONDS = 10.0
_KEPT_LINES = 20

Listener = Callable[[Mapping[str, Any]], None]


class CallRefused(Exception):
    """An error of the sidecar's, a sentence for the person. `kind` is one of the contract's."""

    def __init__(
        self, message: str, kind: str = "internal_error", data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.data = dict(data or {})


@dataclass(frozen=True, slots=True)
class Target:
    """Which data folder is served, None for the usual one, and whether the vendors are simulated.

    `looking`: nothing is written or asked, so that another process may have the folder, and no job goes on. `more` are
    further flags of `serve`.
    """

    data_dir: Path | None = None
    mock: bool = False
    looking: bool = False
    more: Sequence[str] = ()

    def command(self) -> list[str]:
        """Return the command line of the process: from source, or the frozen binary itself."""
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "sidecar"]
        folder = [] if self.data_dir is None else ["--data-dir", str(self.data_dir)]
        flags = [*(["--mock"] if self.mock else []), *(["--read-only"] if self.looking else [])]
        return [*program, "serve", *folder, *flags, *self.more]


class Connection:
    """Calls and notifications. Made by `connected`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[str, Listener] = {}
        self._listeners: dict[str, Listener] = {}
        self._told: deque[str] = deque(maxlen=_KEPT_LINES)

    async def call(
        self, method: str, params: Mapping[str, Any] | None = None, on_progress: Listener | None = None
    ) -> Any:
        """Return the result. Raise CallRefused for an error, and when the process ends instead of answering.

        Cancelling the task cancels the request, and waits for its end: what was paid is still written down.
        """
        self._last_id += 1
        number, token = self._last_id, f"cli-{self._last_id}"
        given = dict(params or {})
        if on_progress is not None:
            given["partialResultToken"] = token
            self._progress[token] = on_progress
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": given})
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            self._send({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": number}})
            await asyncio.wait({answer}, timeout=END_SECONDS)
            raise
        finally:
            self._progress.pop(token, None)

    def kill(self) -> None:
        """End the process without a word to it, as a crash does."""
        self._process.kill()

    def on(self, name: str, listener: Listener) -> None:
        """Hear a notification from now on; one listener for each."""
        self._listeners[name] = listener

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode("utf-8") + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(json.loads(line))
        ended = CallRefused(
            "The sidecar ended before it answered. " + (self._told[-1] if self._told else "Try again.")
        )
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ended)

    def _take(self, message: Mapping[str, Any]) -> None:
        method = message.get("method")
        if method == "$/progress":
            listener = self._progress.get(message["params"]["token"])
            if listener is not None:
                listener(message["params"]["value"])
        elif method is not None:
            if method in self._listeners:
                self._listeners[method](message.get("params") or {})
        elif (answer := self._waiting.pop(message["id"], None)) is not None and not answer.done():
            if "error" in message:
                error = message["error"]
                data = error.get("data") or {}
                words = in_terminal_words(error["message"], data.get("provider") or "")
                answer.set_exception(CallRefused(words, data.get("kind", "internal_error"), data))
                # Whoever was cancelled does not look at it any more.
                answer.exception()
            else:
                answer.set_result(message["result"])

    async def _listen(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._told.append(line.decode("utf-8", "replace").strip())


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Connection]:
    """A connection for the time of a block; at its end the process is told to end, and waited for."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *target.command(),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        limit=LONGEST_LINE,
        # Ctrl-C is for the command, which then stops what it asked for; the process ends with its input.
        start_new_session=sys.platform != "win32",
    )
    connection = Connection(process)
    reading = [asyncio.create_task(connection._read()), asyncio.create_task(connection._listen())]
    try:
        yield connection
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.gather(*reading, return_exceptions=True)
