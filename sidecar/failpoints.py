"""Where tests let the process die, as if by `kill -9`. Without ABAI_CRASH_AT in the environment nothing happens."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import NoReturn

VARIABLE = "ABAI_CRASH_AT"
# In place of a point: so many milliseconds after the start, wherever the process is by then.
_AFTER = "ms"
_SOON_SECONDS = 0.003


def _ordered() -> tuple[str, int, str]:
    """`name`, `name:3` for the third time that the point is reached, `name@word` for what has it, or `ms:250`."""
    order, _, word = os.environ.get(VARIABLE, "").partition("@")
    name, _, count = order.partition(":")
    return name, int(count or 1), word


_name, _left, _word = _ordered()


def failpoint(name: str, about: str = "") -> None:
    """The process ends here, if this is the point where it is to. `about` is what is worked on."""
    if _word in about and _counts_down(name):
        _die()


def failpoint_soon(name: str) -> None:
    """As `reach`, but a few milliseconds later, while what is begun next is waited for."""
    if _counts_down(name):
        asyncio.get_running_loop().call_later(_SOON_SECONDS, _die)


def _counts_down(name: str) -> bool:
    global _left
    if name != _name:
        return False
    _left -= 1
    return _left == 0


def _die() -> NoReturn:
    # Where there is no SIGKILL, terminating a process by its id is just as sudden.
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    os._exit(137)


if _name == _AFTER:
    _timer = threading.Timer(_left / 1000, _die)
    _timer.daemon = True
    _timer.start()
