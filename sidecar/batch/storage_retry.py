"""What is paid for is not given up at the first trouble with the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sidecar.errors import Failure

log = logging.getLogger("sidecar.batch")

T = TypeVar("T")
# Seconds between two trials.
WAITS = (0.2, 1.0, 3.0, 10.0)


async def retry_on_storage_error(
    write: Callable[[], Awaitable[T]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """Writes, again and again while the disk refuses. Raises the last Failure("storage_error")."""
    for wait in WAITS:
        try:
            return await write()
        except Failure as failure:
            if failure.kind != "storage_error":
                raise
            log.error("the result of a batch could not be saved: %s", failure.message)
        await sleep(wait)
    return await write()
