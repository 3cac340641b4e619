"""A switch for developers: logs every callback that holds the loop for longer than so many milliseconds.

`ABAI_SLOW_CALLBACK_MS=5 abai-sidecar serve …`. While the loop is held nobody is answered, and no piece of an answer is
handed on. What is not the loop's own work was that of other threads, or of other processes. asyncio's own debug mode
tells it too, and makes everything several times slower.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

VARIABLE = "ABAI_SLOW_CALLBACK_MS"

log = logging.getLogger("sidecar.slow")


def watch(environment: Mapping[str, str]) -> None:
    """Begin to log where the environment asks for it; a value that is no number is passed over."""
    try:
        longest = float(environment.get(VARIABLE, "")) / 1000
    except ValueError:
        return
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        begun, used = time.perf_counter(), time.thread_time()
        run(handle)
        taken = time.perf_counter() - begun
        if taken > longest:
            used = time.thread_time() - used
            message = "the loop was held for %.1f ms, %.1f of them by its own work: %s"
            log.warning(message, taken * 1000, used * 1000, _named(handle))

    asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]


def _named(handle: Any) -> str:
    """What ran: of a task, what it waits for now, which is where the part that took so long has ended."""
    callback = handle._callback
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return getattr(callback, "__qualname__", None) or repr(callback)
    names: list[str] = []
    inner: Any = task.get_coro()
    while inner is not None and len(names) < 12:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "ag_frame", None)
        line = f":{frame.f_lineno}" if frame is not None else ""
        names.append(getattr(inner, "__qualname__", type(inner).__name__) + line)
        inner = getattr(inner, "cr_await", None) or getattr(inner, "ag_await", None)
    return " > ".join(names)
