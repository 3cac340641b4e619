"""Long lists without the pauses of a garbage collector that walks through all of them again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_inside = 0


@contextmanager
def spared() -> Iterator[None]:
    """Let what is made inside never be looked through for cycles, neither now nor later: it is to have none.

    A hundred thousand rows of a message are let go of as their last user lets go. Looked through, they would hold the
    loop for tens of milliseconds each time, and what is short-lived beside them brings that about often.
    """
    global _inside
    _inside += 1
    gc.disable()
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            gc.freeze()
            gc.enable()
