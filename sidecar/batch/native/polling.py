"""When a vendor is asked again how its batches are doing: soon at first, then less and less often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("sidecar.batch")

FIRST_WAIT_MS = 1_000
LONGEST_WAIT_MS = 300_000
# Several batches may end at once, and fetching results takes memory and the disk.
AT_ONCE = 4

Visit = Callable[[str, int], Awaitable[int | None]]
"""A part's id, and how many visits it has had -> milliseconds until the next one, or None for the last."""


def wait_ms(visits: int, fixed_ms: int | None = None, hint_ms: int | None = None) -> int:
    """Until the visit after so many. `fixed_ms` takes the place of growing; what the vendor asks for wins if longer."""
    # The exponent is bounded so that a large number of visits stays a small number.
    grown = min(FIRST_WAIT_MS << min(visits, 20), LONGEST_WAIT_MS)
    return max(grown if fixed_ms is None else fixed_ms, hint_ms or 0)


class Poller:
    """Visits every part that is followed until its visit says that it was the last. All jobs share one."""

    def __init__(
        self,
        visit: Visit,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        at_once: int = AT_ONCE,
    ) -> None:
        self._visit = visit
        self._sleep = sleep
        self._places = asyncio.Semaphore(at_once)
        self._following: dict[str, asyncio.Task[None]] = {}
        self._hurry: dict[str, asyncio.Event] = {}
        self._visited: dict[str, asyncio.Future[None]] = {}

    def follow(self, part_id: str, first_wait_ms: int) -> None:
        """Begins to visit a part; one that is followed already is visited at once."""
        if self.followed(part_id):
            self._hurry[part_id].set()
            return
        self._hurry[part_id] = asyncio.Event()
        self._following[part_id] = asyncio.create_task(self._follow(part_id, first_wait_ms))

    async def visit_now(self, part_id: str) -> None:
        """Visits a part without delay, and waits until that is done."""
        done = self._visited.get(part_id)
        if done is None:
            done = self._visited[part_id] = asyncio.get_running_loop().create_future()
        self.follow(part_id, 0)
        await asyncio.shield(done)

    def followed(self, part_id: str) -> bool:
        task = self._following.get(part_id)
        return task is not None and not task.done()

    async def close(self) -> None:
        """Stops every visit. What a visit has written stays; the next start follows the parts again."""
        tasks = list(self._following.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for waiting in self._visited.values():
            waiting.cancel()

    async def _follow(self, part_id: str, wait: int | None) -> None:
        visits = 0
        while wait is not None:
            await self._pause(part_id, wait)
            visits += 1
            # Whoever asks during the visit is answered by the next one.
            asked = self._visited.pop(part_id, None)
            try:
                async with self._places:
                    wait = await self._visit(part_id, visits)
            except Exception:  # a bug must not lose a batch that is paid for
                log.exception("a batch could not be looked after; it is tried again later")
                wait = LONGEST_WAIT_MS
            finally:
                _resolve(asked)
        del self._following[part_id], self._hurry[part_id]
        _resolve(self._visited.pop(part_id, None))

    async def _pause(self, part_id: str, wait: int) -> None:
        hurry = self._hurry[part_id]
        sleeping = asyncio.ensure_future(self._sleep(wait / 1000))
        hurried = asyncio.create_task(hurry.wait())
        try:
            await asyncio.wait({sleeping, hurried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sleeping, hurried):
                task.cancel()
            await asyncio.gather(sleeping, hurried, return_exceptions=True)
        hurry.clear()


def _resolve(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
