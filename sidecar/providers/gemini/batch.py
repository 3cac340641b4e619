"""Gemini's batches: an uploaded file of rows with their keys, and a batch made of it.

Rows inside the create request may come back without what they were sent with, and then nobody can tell whose is whose.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from sidecar.errors import Failure
from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult
from sidecar.providers.gemini.address import address
from sidecar.providers.gemini.batch_format import (
    FILE,
    INLINE,
    MODEL,
    NAME,
    batch_state,
    file_body,
    input_line,
    outcome,
)
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.gemini.request import model_path
from sidecar.providers.gemini.upload import upload
from sidecar.providers.kernel.batch_rows import read_rows, unconfirmed
from sidecar.providers.kernel.batch_stops import ask_to_stop
from sidecar.providers.kernel.bodies import lines_body
from sidecar.providers.kernel.client import ACCEPT_JSON, VendorClient, in_path
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.known_ids import KnownIds
from sidecar.providers.kernel.outcome import NotYet
from sidecar.providers.kernel.pages import Pages

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

# The vendor takes files of 2 GB and names no number of rows; it keeps 20 GB and a hundred batches at once,
# which parts of this size come to together. It means to be done in a day, and ends what is not after two.
LIMITS = BatchLimits(rows=100_000, bytes=200_000_000, one_model=True)
PAGE = 100
# What was just uploaded may not be there for another of the vendor's machines, or not be ready.
_FILE_MISSING = re.compile(
    r"\bfiles?\b.{0,80}\b(not (found|exist)|does not|not in an active|permission)", re.I
)


class GeminiBatch:
    """A `batches.BatchAdapter`. `base_url` ends where the vendor's own client's does, without a version."""

    limits = LIMITS

    def __init__(
        self,
        http: HttpClient,
        base_url: str,
        *,
        name: str = "gemini",
    ) -> None:
        self.name = name
        self._api = VendorClient(http, GEMINI, name)
        self._address = address(base_url)

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as a line of an input file, without a line end."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> str:
        """The name of the uploaded input file. A second upload is only a second file."""
        file = lines_body(part.lines)
        return await upload(self._api, self._address, self._api.asked(key, part.model), part.tag, file)

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch. Raises OutcomeUnknown when nobody knows whether it exists."""
        body = file_body(part)
        url = self._address.api + model_path(part.model, "batchGenerateContent")
        asked = self._api.asked(key, part.model)
        try:
            made = await self._api.json("POST", url, asked, body, once=True, pacer=part.pacer)
            state = batch_state(made)
        except Failure as failure:
            if failure.status in (400, 403, 404) and _FILE_MISSING.search(failure.detail or ""):
                raise NotYet.instead_of(failure) from None
            raise
        if state is None:
            raise unconfirmed(asked)
        return state

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Goes through the whole of the vendor's list, whose order is not published, by our tag.

        The absence is certain when the list was read to its end, and for an uploaded part with a key that sees
        its file: a key of another project would see neither.
        """
        named = [state async for state in self._listed(key) if state.metadata[NAME] == part.tag]
        ours = [state for state in named if state.native_id not in part.others]
        if ours:
            several = f"{GEMINI.title} has {len(ours)} batches of this part."
            return LookupResult.one_of(ours, _best(ours), several)
        if part.input_file_id is None:
            return LookupResult(None, True, f"{GEMINI.title} lists no batch of this part.")
        file = f"{self._address.api}/{_steps(part.input_file_id)}"
        # A file that does not exist is refused like one of somebody else's.
        if await self._api.exists(file, self._api.asked(key), frozenset({403, 404})):
            return LookupResult(None, True, f"{GEMINI.title} lists the input file and no batch of it.")
        return LookupResult(
            None,
            False,
            f"{GEMINI.title} lists neither the batch nor its input file, which it keeps for two days. "
            "Use the key with which the batch was sent.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        asked = self._api.asked(key)
        state = batch_state(await self._api.document(self._of(native_id), asked, INLINE))
        if state is not None:
            return state
        raise self._api.failure(f"The {GEMINI.title} API did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row of the results, in no order. Raises Failure when they break off.

        A row that was not run may have no result at all.
        """
        # Of the model a row may say something, and where its results are does not.
        asked, file = self._api.asked(key, state.handles.get(MODEL)), self._api.asked(key)
        if FILE in state.handles:
            url = f"{self._address.download}/{_steps(state.handles[FILE])}:download?alt=media"
            pieces = self._api.lines(url, file, headers=ACCEPT_JSON)
        elif INLINE in state.handles:
            pieces = self._api.elements(self._of(state.native_id), file, INLINE, bytearray())
        else:
            return
        rows = read_rows(pieces, lambda value: outcome(value, asked, state.word), state.native_id, KnownIds())
        async with aclosing(rows):
            async for came in rows:
                yield came

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended is left at that."""
        address, asked = f"{self._of(native_id)}:cancel", self._api.asked(key)
        await ask_to_stop(self._api, address, asked, partial(self.check, key, native_id), {})

    async def _listed(self, key: str) -> AsyncGenerator[BatchState, None]:
        pages = Pages(f"{self._address.api}/batches?pageSize={PAGE}", "pageToken", self._endless)
        while True:
            page = await self._api.document(pages.path, self._api.asked(key), INLINE)
            listed = page.get("operations", [])
            if not isinstance(listed, list):
                raise self._api.failure(f"The {GEMINI.title} API did not list its batches. Try again.")
            for operation in listed:
                state = batch_state(as_mapping(operation))
                if state is not None:
                    yield state
            if not page.get("nextPageToken"):
                return
            pages.turn_to(page["nextPageToken"])

    def _of(self, native_id: str) -> str:
        return f"{self._address.api}/{_steps(native_id)}"

    def _endless(self) -> Failure:
        return self._api.failure(f"The {GEMINI.title} API's list of batches has no end. Try again.")


def make(http: HttpClient, row: ProviderRow, base_url: str) -> GeminiBatch:
    """Return the batch API of a registry row."""
    return GeminiBatch(http, base_url, name=row.name)


def _best(states: list[BatchState]) -> BatchState:
    """Of several, one that did not fail: what ran was paid for."""
    return next((state for state in states if not state.word.endswith("FAILED")), states[0])


def _steps(name: str) -> str:
    """`batches/…` or `files/…` as a path that cannot leave its place."""
    return "/".join(in_path(piece) for piece in name.split("/") if piece not in ("", ".", ".."))
