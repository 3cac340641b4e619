"""What is asked about a batch by the id that its vendor gave it: how far it is, and its results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sidecar.batch import jobs as moves
from sidecar.batch.native import transactions
from sidecar.batch.native.loops import SubmissionLoops
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState
from sidecar.store import jobs, vendor_batches
from sidecar.store.job_records import Job, JobRow


class SentBatches:
    """`key` gives a provider's API key, or raises Failure; `ready` waits until the last run's batches go on again.

    `collect` asks a job's vendors for missing results.
    """

    def __init__(
        self,
        core: Core,
        key: Callable[[str], Awaitable[str]],
        loops: SubmissionLoops,
        ready: Callable[[], Awaitable[None]],
        collect: Callable[[str], Awaitable[Job]],
    ) -> None:
        self._store = core.store
        self._providers = core.providers
        self._key = key
        self._loops = loops
        self._ready = ready
        self._collect = collect

    async def status(self, provider: str, native_id: str) -> BatchState:
        """Return what the vendor says of a batch now. Raise Failure."""
        return await self._providers.batch(provider).check(await self._key(provider), native_id)

    async def results(self, provider: str, native_id: str) -> list[JobRow]:
        """Return what came of a batch that was sent from here, by row index.

        Collects it first if it has just ended, and again while results of it are missing.

        Raise Failure: "not_found", "conflict" when it has no results yet, what the vendor says.
        """
        await self._ready()
        part = await self._store.read(vendor_batches.by_native_id, provider, native_id)
        if part is None:
            raise Failure(
                "not_found",
                f"No batch with the id {native_id} was sent to {provider} from here. List the batches anew.",
            )
        read_before = part.state in ("collected", "failed")
        if not read_before:
            job = await self._store.read(jobs.get, part.job_id)
            if job is None:
                raise moves.unknown_job()
            await self._loops.of(job).worker(part.id).step_now()
            part = await self._store.read(vendor_batches.get, part.id)
        elif await self._store.read(vendor_batches.unread, part.id):
            await self._collect(part.job_id)
        if part is None or not (read_before or part.state in ("collected", "failed")):
            word = part.vendor_status if part is not None else None
            raise Failure(
                "conflict", f"This batch has no results yet; {provider} says: {word}. Try again later."
            )
        return await self._store.read(transactions.rows_of, part)
