"""What a batch of JSON-RPC is answered with: one array of all that there is to say."""

from __future__ import annotations

from collections.abc import Callable

from sidecar.rpc.outbox import Outbox


class GatheredReplies:
    """The responses of one batch of JSON-RPC, sent together when the last of them is there.

    What would be more than one message may hold leaves in several, each of them an array. `over` is called behind them.
    """

    def __init__(self, size: int, outbox: Outbox, max_bytes: int, over: Callable[[], None]) -> None:
        self._over = over
        self._missing = size
        self._outbox = outbox
        self._max_bytes = max_bytes
        self._bodies: list[bytes] = []
        self._size = 1

    def add(self, body: bytes | None) -> None:
        self._missing -= 1
        if body is not None:
            if self._bodies and self._size + len(body) + 1 > self._max_bytes:
                self._send()
            self._bodies.append(body)
            self._size += len(body) + 1
        if not self._missing:
            if self._bodies:
                self._send()
            self._over()

    def _send(self) -> None:
        self._outbox.send(b"[" + b",".join(self._bodies) + b"]")
        self._bodies.clear()
        self._size = 1
