"""xAI's batches: a container with a name, to which rows are added.

What is sent may be sent again: an empty container costs nothing, and rows that are there already stay as they are.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import orjson

from sidecar.errors import Failure
from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult
from sidecar.providers.grok.batch_format import (
    CANCELLED,
    NAME,
    UNKNOWN,
    added,
    batch_state,
    input_line,
    never_ran,
    outcome,
)
from sidecar.providers.grok.errors import GROK
from sidecar.providers.kernel.batch_rows import read_rows, unconfirmed
from sidecar.providers.kernel.batch_stops import ask_to_stop
from sidecar.providers.kernel.bodies import Body, array_body
from sidecar.providers.kernel.client import VendorClient, in_path
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.jsonl import read_line
from sidecar.providers.kernel.known_ids import KnownIds
from sidecar.providers.kernel.outcome import NotYet, OutcomeUnknown
from sidecar.providers.kernel.pacer import RequestPacer
from sidecar.providers.kernel.pages import Pages
from sidecar.providers.kernel.response_body import beginning_of
from sidecar.providers.kernel.said_otherwise import told_id, without_envelope
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.kernel.web_pages import is_page

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

# One call adds at most 25 MB, all of its rows or none: a part that fits into one is never there by half.
LIMITS = BatchLimits(rows=50_000, bytes=24_000_000, row_bytes=24_000_000, one_model=True)
PAGE = 100


class GrokBatch:
    """A `batches.BatchAdapter`. `base_url` ends with `/v1`, as the vendor's own does."""

    limits = LIMITS

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "grok") -> None:
        self.name = name
        self._api = VendorClient(http, GROK, name)
        self._batches = f"{base_url.rstrip('/')}/batches"

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as it stands in the list that is added. Raises Failure("unsupported") for what no batch can do."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> str:
        """The id of a container that is named after the tag: the earlier one where it still takes rows, else a new one.

        Rows that the vendor took and did not show yet run once in the earlier one, whoever adds them again.
        """
        if part.input_file_id is not None and await self._takes_rows(key, part.input_file_id):
            return part.input_file_id
        try:
            asked = self._api.asked(key, part.model)
            made = await self._api.json("POST", self._batches, asked, {NAME: part.tag})
        except OutcomeUnknown as failure:
            raise self._api.failure(
                f"{GROK.title} did not confirm the new batch. It is empty if it exists; try again.",
                failure.kind,
            ) from failure
        if id_ := told_id(without_envelope(made, "batch_id"), "batch_id", "id"):
            return id_
        raise self._api.failure(f"{GROK.title} made a batch and gave it no id. Nothing was run; try again.")

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Adds the rows, which begins to run them. Raises OutcomeUnknown when nobody knows whether it has."""
        container = part.input_file_id or await self.upload(key, part)
        rows = array_body("batch_requests", part.lines)
        try:
            await self._post(
                f"{self._of(container)}/requests", self._api.asked(key, part.model), rows, part.pacer
            )
        except Failure as failure:
            # These ids are there already, from an earlier time and in other words.
            if failure.status == 404 and "model" not in (failure.detail or "").lower():
                raise NotYet.instead_of(failure) from None
            if failure.status != 412:
                raise
            state = await self.check(key, container)
            if not state.total:
                raise
            return state
        return added(part, container)

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Looks into the part's container, or for one by its name. One that holds no rows is none.

        The absence is certain with a key that sees the container; without one no row can have been added.
        """
        if part.input_file_id is not None:
            try:
                state = await self.check(key, part.input_file_id)
            except Failure as failure:
                if failure.status not in (403, 404):
                    raise
            else:
                # Not by a list, which may lag behind, but looked into itself.
                return LookupResult(
                    state if state.total else None, True, "" if state.total else _EMPTY, listed=False
                )
        ours = [state async for state in self._listed(key) if state.metadata[NAME] == part.tag]
        filled = [state for state in ours if state.total != 0]
        if filled:
            return LookupResult.one_of(filled, filled[0], f"{len(filled)} batches have this part.")
        if part.input_file_id is None or ours:
            return LookupResult(None, True, _EMPTY if ours else "No batch was ever made for this part.")
        return LookupResult(
            None,
            False,
            f"{GROK.title} does not show the batch to this key. Use the key with which it was sent.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        batch = await self._api.json("GET", self._of(native_id), self._api.asked(key))
        state = batch_state(batch, self._api.now_ms())
        if state is not None and state.word != UNKNOWN:
            return state
        raise self._api.failure(f"{GROK.title} did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row that has come out, and then those that a cancel kept from running.

        A row that can be read outranks the cancel.
        """
        asked, told = self._api.asked(key), KnownIds()
        pieces = self._paged(f"{self._of(state.native_id)}/results", "results", key)
        rows = read_rows(pieces, lambda value: outcome(value, asked), state.native_id, told)
        async with aclosing(rows):
            async for came in rows:
                yield came
        if CANCELLED not in state.handles:
            return
        listed = self._paged(f"{self._of(state.native_id)}/requests", "batch_request_metadata", key)
        async with aclosing(listed) as requests:
            async for request in requests:
                stopped = never_ran(read_line(request) or {})
                if stopped is not None and stopped.custom_id not in told:
                    told.add(stopped.custom_id)
                    yield stopped

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended, or is about to, is left at that."""
        address, asked = f"{self._of(native_id)}:cancel", self._api.asked(key)
        look = partial(self.check, key, native_id)
        await ask_to_stop(self._api, address, asked, look, {}, stopping="cancelling")

    async def _takes_rows(self, key: str, container: str) -> bool:
        try:
            state = await self.check(key, container)
        except Failure as failure:
            if failure.status in (403, 404):
                return False
            raise
        return state.word in ("empty", "processing")

    async def _listed(self, key: str) -> AsyncGenerator[BatchState, None]:
        async with aclosing(self._paged(self._batches, "batches", key)) as batches:
            async for piece in batches:
                state = batch_state(read_line(piece) or {}, self._api.now_ms())
                if state is not None:
                    yield state

    async def _paged(self, url: str, member: str, key: str) -> AsyncGenerator[bytes, None]:
        """The elements of every page, one at a time: a page of long answers is not held as a whole."""
        pages = Pages(f"{url}?limit={PAGE}", "pagination_token", self._endless)
        while True:
            rest = bytearray()
            async with aclosing(
                self._api.elements(pages.path, self._api.asked(key), member, rest)
            ) as elements:
                async for element in elements:
                    yield element
            token = as_mapping(orjson.loads(rest)).get("pagination_token")
            if not token:
                return
            pages.turn_to(token)

    async def _post(self, url: str, asked: Asked, body: Body, pacer: RequestPacer | None) -> None:
        """A POST whose answer says nothing but yes. Raises OutcomeUnknown where somebody else says it, in a page."""
        async with self._api.stream("POST", url, asked, body, once=True, pacer=pacer) as answer:
            began = await beginning_of(answer, _LONGEST_YES)
        if is_page(began):
            raise unconfirmed(asked)

    def _of(self, native_id: str) -> str:
        return f"{self._batches}/{in_path(native_id)}"

    def _endless(self) -> Failure:
        return self._api.failure(f"{GROK.title}'s list has no end. Try again.")


def make(http: HttpClient, row: ProviderRow, base_url: str) -> GrokBatch:
    """Return the batch API of a registry row."""
    return GrokBatch(http, base_url, name=row.name)


_EMPTY = "The batch exists and holds no rows."
# Of the answer to what was added only its beginning is looked at.
_LONGEST_YES = 4_096
