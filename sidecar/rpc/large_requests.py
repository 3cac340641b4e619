"""How much of large requests is in memory at once: the next is taken when one before it was answered."""

from __future__ import annotations

import asyncio

# In memory a message takes five times its size until it is answered. One alone is taken whatever its size.
MOST_LARGE_BYTES = 64 * 1024 * 1024
# How long the next one waits for room. Where none came, those after it do not wait at all.
PATIENCE_SECONDS = 1.0
TOO_MUCH_AT_ONCE = (
    "A-B/AI is busy with as many large requests as it takes at once. Wait a moment, then try again."
)


class LargeRequests:
    """The sizes of the large requests that are being read or answered, together no more than the most."""

    def __init__(
        self, most_bytes: int = MOST_LARGE_BYTES, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._most = most_bytes
        self._patience_seconds = patience_seconds
        self._held = 0
        self._changed = asyncio.Event()
        self._stuck = False

    async def take(self, size: int) -> bool:
        """Hold one of so many bytes, and wait for room before. False where there is none for a while."""
        if not self._fits(size) and not self._stuck:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    while not self._fits(size):
                        self._changed.clear()
                        await self._changed.wait()
            except TimeoutError:
                self._stuck = True
        if not self._fits(size):
            return False
        self._held += size
        return True

    def give_back(self, size: int) -> None:
        """One of so many bytes is answered."""
        self._held -= size
        self._stuck = False
        self._changed.set()

    def _fits(self, size: int) -> bool:
        return not self._held or self._held + size <= self._most
