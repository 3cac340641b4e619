"""Where tests let the process die, as if by `kill -9`. Until it is armed by ABAI_CRASH_AT, nothing happens."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Mapping
from typing import NoReturn

VARIABLE = "ABAI_CRASH_AT"
# In place of a point: so many milliseconds after it is armed, wherever the process is by then.
_AFTER = "ms"
_SOON_SECONDS = 0.003

_name, _left, _word = "", 1, ""


def arm(environment: Mapping[str, str]) -> None:
    """Take the order of a test, as it stands in the variable; without one, do nothing.

    `name`, `name:3` for the third time that the point is reached, `name@word` for what has it, or `ms:250`.
    """
    global _name, _left, _word
    order, _, _word = environment.get(VARIABLE, "").partition("@")
    _name, _, count = order.partition(":")
    _left = int(count or 1)
    if _name == _AFTER:
        timer = threading.Timer(_left / 1000, _die)
        timer.daemon = True
        timer.start()


def failpoint(name: str, about: str = "") -> None:
    """The process ends here, if this is the point where it is to. `about` is what is worked on."""
    if _word in about and _counts_down(name):
        _die()


def failpoint_soon(name: str) -> None:
    """As `failpoint`, but a few milliseconds later, while what is begun next is waited for."""
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
