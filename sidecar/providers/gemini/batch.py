"""Gemini's batches: rows inside the create request, or in an uploaded file when there are too many."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from sidecar.errors import Failure
from sidecar.providers.base import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult, PreparedCall
from sidecar.providers.gemini.batch_format import (
    LARGEST_INLINE_BYTES,
    file_body,
    inline_body,
    input_line,
    outcome,
)
from sidecar.providers.gemini.batch_state import FILE, INLINE, MODEL, NAME, batch_state
from sidecar.providers.gemini.errors import TITLE, Asked
from sidecar.providers.gemini.exchange import address, authorization, refusal_reader
from sidecar.providers.gemini.request import model_path
from sidecar.providers.gemini.upload import upload
from sidecar.providers.kernel.bodies import Body, lines_body
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_arrays import JsonArrays
from sidecar.providers.kernel.jsonl import LineReader, read_line
from sidecar.providers.kernel.outcome import OutcomeUnknown

if TYPE_CHECKING:
    from sidecar.providers.registry import Row

# The vendor takes files of 2 GB and names no number of rows; it keeps 20 GB and a hundred batches at once,
# which parts of this size come to together. It means to be done in a day, and ends what is not after two.
LIMITS = BatchLimits(rows=100_000, bytes=200_000_000, one_model=True, hours=48)
PAGE = 100

_log = logging.getLogger(__name__)


def make(http: HttpClient, row: Row, base_url: str) -> GeminiBatch:
    """Return the batch API of a registry row."""
    return GeminiBatch(http, base_url, name=row.name)


class GeminiBatch:
    """A `base.BatchAdapter`. `base_url` ends where the vendor's own client's does, without a version.

    A part of at most `largest_inline` bytes goes with its create request.
    """

    limits = LIMITS

    def __init__(
        self,
        http: HttpClient,
        base_url: str,
        *,
        name: str = "gemini",
        largest_inline: int = LARGEST_INLINE_BYTES,
    ) -> None:
        self.name = name
        self._http = http
        self._address = address(base_url)
        self._largest_inline = largest_inline

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as a line of an input file, without a line end."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> str | None:
        """The name of the uploaded input file; None for a part that goes with its create request."""
        if inline_body(part).length <= self._largest_inline:
            return None
        file = lines_body(part.lines)
        asked = Asked(self.name, part.model, key)
        try:
            return await upload(self._http, self._address, asked, part.tag, file)
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch. Raises OutcomeUnknown when nobody knows whether it exists."""
        body = inline_body(part) if part.input_file_id is None else file_body(part)
        path = model_path(part.model, "batchGenerateContent")
        made = await self._send("POST", path, key, body, once=True, model=part.model)
        state = batch_state(made)
        if state is not None:
            return state
        raise OutcomeUnknown(
            "provider_unavailable",
            f"{TITLE}'s answer to the creation of a batch cannot be read. It may have been created.",
            provider=self.name,
            model=part.model,
        )

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Goes through the whole of the vendor's list, whose order is not published, by our tag.

        The absence is certain when the list was read to its end, and for an uploaded part with a key that sees
        its file: a key of another project would see neither.
        """
        ours = [state async for state in self._listed(key) if state.metadata[NAME] == part.tag]
        if ours:
            several = f"{TITLE} has {len(ours)} batches of this part." if len(ours) > 1 else ""
            return LookupResult(_best(ours), True, several)
        if part.input_file_id is None:
            return LookupResult(None, True, f"{TITLE} lists no batch of this part.")
        if await self._sees(key, part.input_file_id):
            return LookupResult(None, True, f"{TITLE} lists the input file and no batch of it.")
        return LookupResult(
            None,
            False,
            f"{TITLE} lists neither the batch nor its input file, which it keeps for two days. "
            "Use the key with which the batch was sent.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        state = batch_state(await self._document(f"/{_in_path(native_id)}", key))
        if state is not None:
            return state
        raise self._failure(f"The {TITLE} API did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row of the results, in no order. Raises Failure when they break off.

        A row that was not run may have no result at all.
        """
        asked = Asked(self.name, state.handles.get(MODEL), key)
        if FILE in state.handles:
            pieces = self._lines(key, state.handles[FILE])
        elif INLINE in state.handles:
            pieces = self._elements(f"/{_in_path(state.native_id)}", key)
        else:
            return
        told: set[str] = set()
        async with aclosing(pieces) as results:
            async for piece in results:
                value = read_line(piece)
                came = None if value is None else outcome(value, asked, state.word)
                if came is None:
                    _log.warning("a result of %s names no row", state.native_id)
                elif came.custom_id not in told:
                    # An operation holds its results twice: as what it is about, and as what it returned.
                    told.add(came.custom_id)
                    yield came

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended is left at that."""
        try:
            await self._send("POST", f"/{_in_path(native_id)}:cancel", key, {})
        except Failure:
            if not (await self.check(key, native_id)).ended:
                raise

    async def _listed(self, key: str) -> AsyncGenerator[BatchState, None]:
        token, seen = "", set[str]()
        while True:
            after = f"&pageToken={quote(token, safe='')}" if token else ""
            page = await self._document(f"/batches?pageSize={PAGE}{after}", key)
            listed = page.get("operations", [])
            if not isinstance(listed, list):
                raise self._failure(f"The {TITLE} API did not list its batches. Try again.")
            for operation in listed:
                state = batch_state(operation) if isinstance(operation, Mapping) else None
                if state is not None:
                    yield state
            token = page.get("nextPageToken") or ""
            if not token:
                return
            if not isinstance(token, str) or token in seen:
                # A list that does not go on proves nothing.
                raise self._failure(f"The {TITLE} API's list of batches has no end. Try again.")
            seen.add(token)

    async def _sees(self, key: str, file: str) -> bool:
        try:
            await self._document(f"/{_in_path(file)}", key)
        except Failure as failure:
            # A file that does not exist is refused like one of somebody else's.
            if failure.status in (403, 404):
                return False
            raise
        return True

    async def _lines(self, key: str, file: str) -> AsyncGenerator[bytes, None]:
        reader = LineReader()
        url = f"{self._address.download}/{_in_path(file)}:download?alt=media"
        async with aclosing(self._chunks(url, key)) as chunks:
            async for chunk in chunks:
                for line in reader.feed(chunk):
                    yield line
        for line in reader.finish():
            yield line

    async def _elements(
        self, path: str, key: str, rest: bytearray | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The results inside a document, and into `rest` what else it holds. Raises Failure for one that is broken."""
        reader = JsonArrays(INLINE)
        try:
            async with aclosing(self._chunks(self._address.api + path, key)) as chunks:
                async for chunk in chunks:
                    for element in reader.feed(chunk):
                        yield element
            document = reader.rest()
            orjson.loads(document)
        except ValueError:
            raise self._failure(
                f"The {TITLE} API did not answer with JSON. Check the base URL, or try again later."
            ) from None
        if rest is not None:
            rest += document

    async def _document(self, path: str, key: str) -> Mapping[str, Any]:
        """A document without the results inside it, of which there may be any number."""
        rest = bytearray()
        async with aclosing(self._elements(path, key, rest)) as elements:
            async for _ in elements:
                pass
        value = orjson.loads(rest)
        return value if isinstance(value, Mapping) else {}

    async def _chunks(self, url: str, key: str) -> AsyncGenerator[bytes, None]:
        asked = Asked(self.name, None, key)
        headers = {"accept": "application/json", **authorization(asked)}
        reader = refusal_reader(self._http, asked)
        try:
            async with self._http.stream("GET", url, headers, read_refusal=reader, peer=TITLE) as answer:
                async for chunk in answer.chunks:
                    yield chunk
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise

    async def _send(
        self,
        method: str,
        path: str,
        key: str,
        body: Body,
        *,
        once: bool = False,
        model: str | None = None,
    ) -> Mapping[str, Any]:
        asked = Asked(self.name, model, key)
        try:
            value = await self._http.json(
                method,
                self._address.api + path,
                {"accept": "application/json", **authorization(asked)},
                body,
                read_refusal=refusal_reader(self._http, asked),
                peer=TITLE,
                once=once,
            )
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise
        return value if isinstance(value, Mapping) else {}

    def _failure(self, message: str) -> Failure:
        return Failure("provider_unavailable", message, retryable=True, provider=self.name)


def _best(states: list[BatchState]) -> BatchState:
    """Of several, one that did not fail: what ran was paid for."""
    return next((state for state in states if not state.word.endswith("FAILED")), states[0])


def _in_path(name: str) -> str:
    """`batches/…` or `files/…` as a path that cannot leave its place."""
    return "/".join(quote(piece, safe="") for piece in name.split("/") if piece not in ("", ".", ".."))
