"""Has the system notice a connection whose other side is gone without a word.

A computer that slept, a network that was left or a gateway that forgot a connection say nothing: an answer that is
waited for is then waited for until the patience for slow models is over, which is minutes. What the system asks between
keeps silent connections known to gateways too, which forget them sooner than a model that thinks takes.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Protocol

# Seconds of silence before the other side is asked, between two questions, and how many go unanswered: a minute in all.
IDLE_SECONDS, BETWEEN_SECONDS, UNANSWERED = 30, 10, 3
# The options by the names that systems give them; macOS calls the first one otherwise.
_OPTIONS = (
    ("TCP_KEEPIDLE", IDLE_SECONDS),
    ("TCP_KEEPALIVE", IDLE_SECONDS),
    ("TCP_KEEPINTVL", BETWEEN_SECONDS),
    ("TCP_KEEPCNT", UNANSWERED),
    # Of what was sent and never acknowledged, in milliseconds (Linux).
    ("TCP_USER_TIMEOUT", (IDLE_SECONDS + BETWEEN_SECONDS * UNANSWERED) * 1000),
)


class HasOptions(Protocol):
    """A socket, or asyncio's view of one."""

    def setsockopt(self, level: int, name: int, value: int, /) -> None: ...


def watch_other_side(sock: HasOptions) -> None:
    """Switch it on, as far as the system has it. A socket that is none of TCP stays as it is."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            option = getattr(socket, name, None)
            if option is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
