"""Asking a vendor to stop a batch that may have ended meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sidecar.errors import Failure
from sidecar.providers.batches import BatchState


async def ask_to_stop(
    cancel: Awaitable[object], check: Callable[[], Awaitable[BatchState]], *, stopping: str = ""
) -> None:
    """Await the cancel. A refusal means nothing when the batch has ended, or has the vendor's word `stopping`.

    Raises the Failure of the cancel otherwise, and that of the check.
    """
    try:
        await cancel
    except Failure:
        state = await check()
        if not state.ended and (not stopping or state.word != stopping):
            raise
