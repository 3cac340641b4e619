"""One ordered queue of all that leaves. While the client does not read, progress is merged, answers stay."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sidecar.rpc import codec
from sidecar.rpc.framing import Framing, encode

log = logging.getLogger("sidecar.rpc")

HIGH_WATER_BYTES = 8 * 1024 * 1024
LOW_WATER_BYTES = 2 * 1024 * 1024
WRITE_BYTES = 1024 * 1024
# What a notification that has not been serialised yet is counted as.
_NOMINAL_BYTES = 256
_TEXT_MEMBERS = frozenset({"type", "text", "modelId", "requestId", "seq"})


class _Latest:
    """A notification of which only the newest matters."""

    __slots__ = ("key", "method", "params", "size")

    def __init__(self, key: tuple[str, Any], method: str, params: Any) -> None:
        self.key = key
        self.method = method
        self.params = params
        self.size = _NOMINAL_BYTES

    def body(self) -> bytes:
        return _notification(self.method, self.params)


class _Text:
    """Text of one request, one kind and one answer that grows until it leaves. UTF-8, to save memory.

    Where pieces have numbers, it has the number of its last one.
    """

    __slots__ = ("_members", "_text", "size", "stream", "token")

    def __init__(self, token: Any, stream: Any, value: Mapping[str, Any]) -> None:
        self.token = token
        self.stream = stream
        self.size = _NOMINAL_BYTES
        self._members = dict(value)
        self._text = bytearray()

    def takes(self, value: Mapping[str, Any]) -> bool:
        return bool(self._members["type"] == value["type"])

    def add(self, value: Mapping[str, Any]) -> int:
        if "seq" in value:
            self._members["seq"] = value["seq"]
        more = value["text"].encode("utf-8", "surrogatepass")
        self._text += more
        self.size += len(more)
        return len(more)

    def body(self) -> bytes:
        self._members["text"] = self._text.decode("utf-8", "surrogatepass")
        return _notification("$/progress", {"token": self.token, "value": self._members})


# A message that leaves as it is, or one that may still change.
_Waiting = bytes | _Latest | _Text


class Outbox:
    """Made before anything is served, so that services can notify outside a call. For the loop's thread only.

    Nothing leaves until `framing` is known. `on_leaving` sees each message as it leaves; it must neither wait
    nor raise.
    """

    def __init__(
        self,
        *,
        high_water_bytes: int = HIGH_WATER_BYTES,
        low_water_bytes: int = LOW_WATER_BYTES,
        write_bytes: int = WRITE_BYTES,
        on_leaving: Callable[[bytes], None] | None = None,
    ) -> None:
        self._high, self._low, self._write_bytes = high_water_bytes, low_water_bytes, write_bytes
        self._waiting: deque[_Waiting] = deque()
        self._latest: dict[tuple[str, Any], _Latest] = {}
        self._texts: dict[Any, dict[Any, _Text]] = {}
        self._bytes = 0
        self._framing: Framing | None = None
        self._closed = False
        self._on_leaving = on_leaving
        # Set while `run` waits for something to send.
        self._write_now: Callable[[bytes], bool] | None = None
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def framing(self) -> Framing | None:
        return self._framing

    @framing.setter
    def framing(self, framing: Framing | None) -> None:
        self._framing = framing
        self._wake.set()

    def send(self, body: bytes) -> None:
        """Any serialised message, kept in order and never merged."""
        self._put(body, len(body))

    def send_last(self, body: bytes) -> None:
        """As `send`, of a message behind which none is expected: it leaves at once where it can."""
        if (
            self._write_now is None
            or self._waiting
            or self._closed
            or self._framing is None
            or not self._write_now(encode(body, self._framing))
        ):
            self.send(body)
        elif self._on_leaving is not None:
            self._on_leaving(body)

    def notify(self, method: str, params: Any = None, merge_key: str | None = None) -> None:
        """A notification. With a merge key it takes the place of the waiting one with the same method and key."""
        if self._closed:
            return
        if merge_key is None:
            self._put_serialised(method, params)
            return
        key = (method, merge_key)
        waiting = self._latest.get(key)
        if waiting is None:
            waiting = self._latest[key] = _Latest(key, method, params)
            self._put(waiting, waiting.size)
        waiting.params = params

    def progress(self, token: str | int, value: Mapping[str, Any]) -> None:
        """A `$/progress`. Texts of one kind and one answer are joined while they wait; order stays."""
        if self._closed:
            return
        streams = self._texts.setdefault(token, {})
        stream = value.get("requestId", value.get("modelId"))
        if not _is_text(value):
            # What is not text closes what it may be about: its answer's stream, or all of them.
            if isinstance(stream, str):
                streams.pop(stream, None)
            else:
                streams.clear()
            self._put_serialised("$/progress", {"token": token, "value": dict(value)})
        else:
            waiting = streams.get(stream)
            if waiting is None or not waiting.takes(value):
                waiting = streams[stream] = _Text(token, stream, value)
                self._put(waiting, waiting.size)
            self._count(waiting.add(value))
        if not streams:
            del self._texts[token]

    @property
    def full(self) -> bool:
        """Whether more is waiting than should be."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Waits while more is waiting than should be; reading goes on after it."""
        if self._framing is not None:
            await self._room.wait()

    async def run(
        self, write: Callable[[bytes], Awaitable[None]], write_now: Callable[[bytes], bool] | None = None
    ) -> None:
        """Writes what waits, all of it in one write for each turn of the loop, until closed and empty.

        `write_now` writes at once, or says that it cannot. It is called while `write` is not.
        """
        while True:
            while not self._waiting or self._framing is None:
                if self._closed and not self._waiting:
                    return
                self._wake.clear()
                self._write_now = write_now
                await self._wake.wait()
                self._write_now = None
            data = self._take(self._framing)
            if data:
                await write(data)

    def close(self) -> None:
        """Lets `run` end when everything has left."""
        self._closed = True
        if self._framing is None:
            self._framing = "newline"
        self._wake.set()

    def discard(self) -> None:
        """Drops what waits and all that follows: there is nobody to read it."""
        self._closed = True
        self._waiting.clear()
        self._latest.clear()
        self._texts.clear()
        self._count(-self._bytes)
        self._wake.set()

    def _put_serialised(self, method: str, params: Any) -> None:
        try:
            self.send(_notification(method, params))
        except (TypeError, RecursionError, ValueError):
            log.exception("a notification could not be serialised: %s", method)

    def _put(self, message: _Waiting, size: int) -> None:
        if self._closed:
            return
        self._waiting.append(message)
        self._count(size)
        self._wake.set()

    def _count(self, more: int) -> None:
        self._bytes += more
        if self._bytes > self._high:
            self._room.clear()
        elif self._bytes <= self._low:
            self._room.set()

    def _take(self, framing: Framing) -> bytes:
        frames: list[bytes] = []
        size = taken = 0
        while self._waiting and size < self._write_bytes:
            message = self._waiting.popleft()
            if isinstance(message, bytes):
                body = message
                taken += len(body)
            else:
                taken += message.size
                self._forget(message)
                try:
                    body = message.body()
                except (TypeError, RecursionError, ValueError):
                    log.exception("a notification could not be serialised")
                    continue
            frame = encode(body, framing)
            frames.append(frame)
            size += len(frame)
            if self._on_leaving is not None:
                self._on_leaving(body)
        self._count(-taken)
        return b"".join(frames)

    def _forget(self, message: _Latest | _Text) -> None:
        """What has begun to leave takes nothing more."""
        if isinstance(message, _Latest):
            del self._latest[message.key]
        else:
            streams = self._texts.get(message.token, {})
            if streams.get(message.stream) is message:
                del streams[message.stream]
                if not streams:
                    del self._texts[message.token]


def _is_text(value: Mapping[str, Any]) -> bool:
    return (
        value.get("type") in ("text", "thinking")
        and isinstance(value.get("text"), str)
        and isinstance(value.get("requestId", value.get("modelId")), str | None)
        and _TEXT_MEMBERS.issuperset(value)
    )


def _notification(method: str, params: Any) -> bytes:
    message = {"jsonrpc": "2.0", "method": method}
    return codec.dumps(message if params is None else {**message, "params": params})
