"""OpenAI's batches: a file of lines, a batch made of it, two files of results."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from sidecar.errors import Failure
from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult
from sidecar.providers.kernel.batch_rows import read_rows, unconfirmed
from sidecar.providers.kernel.batch_stops import ask_to_stop
from sidecar.providers.kernel.bodies import form_body, lines_body
from sidecar.providers.kernel.client import VendorClient, in_path
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.known_ids import KnownIds
from sidecar.providers.kernel.outcome import NotYet, OutcomeUnknown
from sidecar.providers.kernel.pages import listed
from sidecar.providers.kernel.said_otherwise import as_id, without_envelope
from sidecar.providers.openai.batch_format import (
    ENDPOINT,
    TAG,
    Order,
    batch_state,
    input_line,
    is_of,
    outcome,
)
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.openai.region import marked, surcharges
from sidecar.providers.openai_family.usage import responses_usage

if TYPE_CHECKING:
    from sidecar.providers.registry import ProviderRow

# The vendor's 200 MB, in the smaller reading of a megabyte.
LIMITS = BatchLimits(rows=50_000, bytes=200_000_000, one_model=True)
PAGE = 100


class OpenAIBatch:
    """A `batches.BatchAdapter`. `base_url` ends where the vendor's own client's does, with `/v1`."""

    limits = LIMITS

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "openai") -> None:
        self.name = name
        self._api = VendorClient(http, OPENAI, name)
        self._base_url = base_url.rstrip("/")
        self._read_usage = marked(responses_usage, surcharges(base_url))

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as a line of the input file, without a line end."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> str:
        """The id of the uploaded input file, which is named after the tag. A second upload is only a second file."""
        file = lines_body(part.lines)
        form = form_body({"purpose": "batch"}, f"{part.tag}.jsonl", file, f"abai-{uuid4().hex}")
        try:
            uploaded = await self._api.json("POST", f"{self._base_url}/files", self._api.asked(key), form)
        except OutcomeUnknown as failure:
            raise self._api.failure(
                "OpenAI did not confirm the batch's input file. Nothing was run; try again.", failure.kind
            ) from failure
        if id_ := as_id(without_envelope(uploaded, "id").get("id")):
            return id_
        raise self._api.failure(
            "OpenAI took the batch's input file and gave it no id. Nothing was run; try again."
        )

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch of the uploaded file. Raises OutcomeUnknown when nobody knows whether it exists."""
        body = {
            "input_file_id": part.input_file_id,
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "metadata": {TAG: part.tag},
        }
        asked = self._api.asked(key, part.model)
        try:
            made = await self._api.json("POST", self._batches(), asked, body, once=True, pacer=part.pacer)
            state = batch_state(made)
        except Failure as failure:
            # There is nothing else in the request that could be missing: the file was uploaded a moment ago.
            raise NotYet.instead_of(failure) if failure.status == 404 else failure from None
        if state is None:
            raise unconfirmed(asked)
        return state

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Goes through the vendor's list of batches, by our tag and by the input file.

        The absence is certain when the list was read to its end, or past the time of the intent, with a key
        that sees the input file: a key of another project would see neither.
        """
        ours = await self._listed(key, part)
        if ours:
            return LookupResult.one_of(ours, _best(ours), f"OpenAI has {len(ours)} batches of this part.")
        if part.input_file_id is None:
            note = "The input file was never uploaded, so no batch can exist."
            return LookupResult(None, True, note, listed=False)
        file = f"{self._base_url}/files/{in_path(part.input_file_id)}"
        if await self._api.exists(file, self._api.asked(key), frozenset({404})):
            return LookupResult(None, True, "OpenAI lists the input file and no batch of it.")
        return LookupResult(
            None,
            False,
            "OpenAI lists neither the batch nor its input file for this key. "
            "Use the key with which the batch was sent.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        state = batch_state(await self._api.json("GET", self._batches(native_id), self._api.asked(key)))
        if state is not None:
            return state
        raise self._api.failure("OpenAI did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row of the output files and of the error files, in no order. Raises Failure when one breaks off."""
        asked, told = self._api.asked(key), KnownIds()
        for file_id in state.handles.values():
            url = f"{self._base_url}/files/{in_path(file_id)}/content"
            lines = self._api.lines(url, asked, headers={})
            rows = read_rows(
                lines,
                lambda line: outcome(line, asked, self._api.now_ms(), self._read_usage),
                state.native_id,
                told,
            )
            empty = True
            async with aclosing(rows):
                async for came in rows:
                    empty = False
                    yield came
            if empty:
                # A file is only named when there is something in it, so this is not yet what it will be.
                yield BatchResult("")

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended, or is about to, is left at that."""
        address, asked = f"{self._batches(native_id)}/cancel", self._api.asked(key)
        look = partial(self.check, key, native_id)
        await ask_to_stop(self._api, address, asked, look, stopping="cancelling")

    async def _listed(self, key: str, part: BatchPart) -> list[BatchState]:
        order = Order()
        ours: list[BatchState] = []
        pages = listed(self._api, f"{self._batches()}?limit={PAGE}", "after", key, "batches")
        async with aclosing(pages):
            async for page in pages:
                states = [batch_state(batch) for batch in page if is_of(batch, part)]
                ours += [state for state in states if state is not None]
                if ours or order.only_older_follow(page, part.since):
                    break
        return ours

    def _batches(self, native_id: str | None = None) -> str:
        """The address of the list, or of one of them."""
        one = "" if native_id is None else f"/{in_path(native_id)}"
        return f"{self._base_url}/batches{one}"


def make(http: HttpClient, row: ProviderRow, base_url: str) -> OpenAIBatch:
    """Return the batch API of a registry row."""
    return OpenAIBatch(http, base_url, name=row.name)


def _best(states: list[BatchState]) -> BatchState:
    """Of several, one that did not fail: what ran was paid for."""
    return next((state for state in states if state.word != "failed"), states[0])
