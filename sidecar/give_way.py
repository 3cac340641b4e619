"""A turn for everybody else in the middle of long work: other tasks, and threads that wait for the interpreter."""

from __future__ import annotations

import asyncio
import time

# The loop gives the interpreter back for a microsecond between two tasks, and takes it again before a thread that waits
# has woken: the one that reads the pipe was seen to wait for 640 ms so. A nap of this length lets it in.
_NAP_SECONDS = 0.00002


async def give_way() -> None:
    """Let others go on. To be called every millisecond or so of work that does not wait by itself."""
    time.sleep(_NAP_SECONDS)  # noqa: ASYNC251
    await asyncio.sleep(0)
