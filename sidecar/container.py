"""The services of one sidecar over its life: what goes on at its start, what is loaded ahead, how it ends."""

from __future__ import annotations

import asyncio
import gc

from sidecar.errors import Failure
from sidecar.load_ahead import load_ahead
from sidecar.service_maker import ServiceMaker
from sidecar.store import left_over
from sidecar.store.stoppable import in_thread

# The first questions of an app have come by then, and nobody has asked a model yet.
WARM_UP_SECONDS = 0.3
# How long the handshake waits for the database before it answers without the jobs that go on.
RESUME_SECONDS = 2.0
# For rows in flight, which go on at the next start: shorter than the watchdog lets an end take.
BATCH_GRACE_SECONDS = 4.0


class Container(ServiceMaker):
    """The services, with their beginning and their end, as `methods.services.Services` names them."""

    async def resumed_jobs(self) -> tuple[str, ...]:
        """The jobs that go on by themselves. None where the database is not open within reasonable time."""
        if self.config.read_only:
            return ()
        try:
            if await self.store.opened_within(RESUME_SECONDS) is None:
                return ()
            made = self._has("batches") and self._has("native")
            if not made and not await self.store.read(left_over.of_batches):
                return ()
        except Failure:  # every call that needs the database tells why
            return ()
        here, theirs = await asyncio.gather(self.batches.resumption.jobs(), self.native.resumption.jobs())
        return (*here, *theirs)

    async def warm_up(self, seconds: float = WARM_UP_SECONDS) -> None:
        """Loads, a piece at a time, what the first questions did without, and goes on with the jobs left over.

        The first answer of a model is then not kept waiting for libraries either.
        """
        if self.config.read_only:
            return
        await asyncio.sleep(seconds)
        # Beside the loop, which answers meanwhile.
        await in_thread(load_ahead)
        if not self._stopping:
            self.caretaker.begin()
            _ = self.batches, self.native, self.chat
            await self.http.open()
            # What is there now stays, and need not be gone through whenever memory is cleared up.
            gc.freeze()

    def stop_taking(self) -> None:
        """The process is about to end: nothing of a batch begins any more."""
        self._stopping = True
        if self._has("batches"):
            self.batches.stop_taking()

    async def close(self, batch_grace_seconds: float = BATCH_GRACE_SECONDS) -> None:
        """Puts away all that was made, in order. Rows of batches in flight may end for so long."""
        self._stopping = True
        await self.caretaker.stop()
        await self.store.stop_opening()
        ending = []
        if self._has("batches"):
            ending.append(self.batches.close(batch_grace_seconds))
        if self._has("native"):
            ending.append(self.native.close())
        await asyncio.gather(*ending)
        if self._has("chat"):
            await self.chat.close()
        if self._has("checker"):
            await self.checker.close()
        await self.store.close()
        if self._has("http"):
            await self.http.aclose()
