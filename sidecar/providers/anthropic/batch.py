"""Anthropic's message batches: the rows go with the create, and the batch carries no mark of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.providers.anthropic.batch_format import (
    RESULTS,
    batch_state,
    input_line,
    is_older,
    may_be_of,
    outcome,
)
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.anthropic.provider import root
from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import GONE, BatchLimits, BatchPart, BatchResult, BatchState, LookupResult
from sidecar.providers.kernel.batch_rows import read_rows, unconfirmed
from sidecar.providers.kernel.batch_stops import ask_to_stop
from sidecar.providers.kernel.bodies import array_body
from sidecar.providers.kernel.client import VendorClient, in_path
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.known_ids import KnownIds
from sidecar.providers.kernel.pages import listed

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

PATH = "/v1/messages/batches"
# The vendor's 256 MB, in the smaller reading of a megabyte and less the brackets around the rows.
LIMITS = BatchLimits(rows=100_000, bytes=256_000_000 - 100, row_bytes=32_000_000, one_model=False)
PAGE = 100


class AnthropicBatch:
    """A `batches.BatchAdapter`. `base_url` ends where the vendor's own client's does, without a version."""

    limits = LIMITS

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "anthropic") -> None:
        self.name = name
        self._api = VendorClient(http, ANTHROPIC, name)
        self._batches = root(base_url) + PATH

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as it stands in the create's list."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> None:
        """Nothing: the rows go with the create."""

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch with its rows. Raises OutcomeUnknown when nobody knows whether it exists."""
        asked = self._api.asked(key, part.model)
        rows = array_body("requests", part.lines)
        made = await self._api.json("POST", self._batches, asked, rows, once=True, pacer=part.pacer)
        state = batch_state(made)
        if state is None:
            raise unconfirmed(asked)
        return state

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Looks at every batch that has as many rows and is young enough, by the custom ids of its results.

        These show only when a batch has ended: one that still runs leaves it open whether it is ours. It takes
        custom ids that no other part ever had.
        """
        open_: list[str] = []
        for state in await self._candidates(key, part):
            ours = await self._has_ours(key, state, part)
            if ours:
                return LookupResult(state, True)
            if ours is None:
                open_.append(state.native_id)
        if not open_:
            return LookupResult(None, True, f"{ANTHROPIC.title} lists no batch with these rows.")
        running = counted(len(open_), "running batch", "running batches")
        rows = counted(len(part.custom_ids), "row")
        return LookupResult(
            None,
            False,
            f"{ANTHROPIC.title} has {running} of {rows} that may be this one: {', '.join(open_[:3])}. It can be told "
            "at the end.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        state = batch_state(await self._api.json("GET", self._of(native_id), self._api.asked(key)))
        if state is not None:
            return state
        raise self._api.failure(f"{ANTHROPIC.title} did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row, in no order. Raises Failure when the results break off; none where they are gone."""
        if RESULTS not in state.handles:
            return
        # Not from the address that the vendor names: the key goes to the base URL alone.
        asked = self._api.asked(key)
        lines = self._api.lines(f"{self._of(state.native_id)}/results", asked, headers={})
        rows = read_rows(lines, lambda line: outcome(line, asked), state.native_id, KnownIds())
        async with aclosing(rows):
            async for came in rows:
                yield came

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended, or is about to, is left at that."""
        address, asked = f"{self._of(native_id)}/cancel", self._api.asked(key)
        look = partial(self.check, key, native_id)
        await ask_to_stop(self._api, address, asked, look, stopping="canceling")

    async def _candidates(self, key: str, part: BatchPart) -> list[BatchState]:
        """The list comes newest first, which the vendor promises: what is older than the intent ends it."""
        found: list[BatchState] = []
        pages = listed(self._api, f"{self._batches}?limit={PAGE}", "after_id", key, "batches")
        async with aclosing(pages):
            async for page in pages:
                states = [state for state in map(batch_state, page) if state is not None]
                found += [state for state in states if may_be_of(state, part)]
                if states and is_older(states[-1], part):
                    break
        return found

    async def _has_ours(self, key: str, state: BatchState, part: BatchPart) -> bool | None:
        """Whether the batch's results are of the part's rows; None while nobody can tell."""
        if not state.ended or RESULTS not in state.handles:
            return None
        wanted = frozenset(part.custom_ids)
        try:
            async with aclosing(self.results(key, state)) as results:
                async for came in results:
                    # No row of ours is in another batch, so the first one that can be read decides.
                    if came.custom_id:
                        return came.custom_id in wanted
        except Failure as failure:
            # They are not there yet, or not kept any more: that is no answer for the other batches either.
            if failure.status not in GONE:
                raise
        return None

    def _of(self, native_id: str) -> str:
        return f"{self._batches}/{in_path(native_id)}"


def make(http: HttpClient, row: ProviderRow, base_url: str) -> AnthropicBatch:
    """Return the batch API of a registry row."""
    return AnthropicBatch(http, base_url, name=row.name)
