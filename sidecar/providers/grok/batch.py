"""xAI's batches: a container with a name, to which rows are added.

What is sent may be sent again: an empty container costs nothing, and rows that are there already stay as they are.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from sidecar.errors import Failure
from sidecar.providers.base import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult, PreparedCall
from sidecar.providers.grok.batch_format import (
    CANCELLED,
    NAME,
    added,
    batch_state,
    input_line,
    outcome,
    was_cancelled,
)
from sidecar.providers.grok.provider import GROK, grok_asked
from sidecar.providers.kernel.bodies import Body, array_body
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.json_arrays import JsonArrays
from sidecar.providers.kernel.jsonl import read_line
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.openai_family.exchange import authorization, refusal_reader
from sidecar.providers.openai_family.usage import mapping

if TYPE_CHECKING:
    from sidecar.providers.registry import Row

# One call adds at most 25 MB, all of its rows or none: a part that fits into one is never there by half.
LIMITS = BatchLimits(rows=50_000, bytes=24_000_000, row_bytes=24_000_000, one_model=True)
PAGE = 100

_log = logging.getLogger(__name__)


def make(http: HttpClient, row: Row, base_url: str) -> GrokBatch:
    return GrokBatch(http, base_url, name=row.name)


class GrokBatch:
    """A `base.BatchAdapter`. `base_url` ends with `/v1`, as the vendor's own does."""

    limits = LIMITS

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "grok") -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/")

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
            made = await self._json("POST", "/batches", key, {NAME: part.tag}, model=part.model)
        except OutcomeUnknown as failure:
            raise self._failure(
                f"{GROK.title} did not confirm the new batch. It is empty if it exists; try again.",
                failure.kind,
            ) from failure
        id_ = made.get("batch_id")
        if isinstance(id_, str) and id_:
            return id_
        raise self._failure(f"{GROK.title} made a batch and gave it no id. Nothing was run; try again.")

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Adds the rows, which begins to run them. Raises OutcomeUnknown when nobody knows whether it has."""
        container = part.input_file_id or await self.upload(key, part)
        rows = array_body("batch_requests", part.lines)
        try:
            await self._sent(f"/batches/{_in_path(container)}/requests", key, rows, part.model)
        except Failure as failure:
            # These ids are there already, from an earlier time and in other words.
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
                return LookupResult(state if state.total else None, True, "" if state.total else _EMPTY)
        ours = [state async for state in self._listed(key) if state.metadata[NAME] == part.tag]
        filled = [state for state in ours if state.total]
        if filled:
            return LookupResult(
                filled[0], True, f"{len(filled)} batches have this part." if filled[1:] else ""
            )
        if part.input_file_id is None or ours:
            return LookupResult(None, True, _EMPTY if ours else "No batch was ever made for this part.")
        return LookupResult(
            None,
            False,
            f"{GROK.title} does not show the batch to this key. Use the key with which it was sent.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        batch = await self._json("GET", f"/batches/{_in_path(native_id)}", key)
        state = batch_state(batch, self._http.now_ms())
        if state is not None:
            return state
        raise self._failure(f"{GROK.title} did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row that has come out, and then those that a cancel kept from running.

        A row that can be read outranks the cancel.
        """
        asked = grok_asked(self.name, key)
        path = f"/batches/{_in_path(state.native_id)}"
        told: set[str] = set()
        async with aclosing(self._paged(f"{path}/results", "results", key)) as results:
            async for piece in results:
                value = read_line(piece)
                came = None if value is None else outcome(value, asked)
                if came is None:
                    _log.warning("a result of batch %s names no row", state.native_id)
                elif came.custom_id not in told:
                    told.add(came.custom_id)
                    yield came
        if CANCELLED not in state.handles:
            return
        async with aclosing(self._paged(f"{path}/requests", "batch_request_metadata", key)) as requests:
            async for piece in requests:
                custom_id = was_cancelled(read_line(piece) or {})
                if custom_id is not None and custom_id not in told:
                    told.add(custom_id)
                    yield BatchResult(custom_id, never_ran="cancelled")

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended, or is about to, is left at that."""
        try:
            await self._sent(f"/batches/{_in_path(native_id)}:cancel", key, {}, None)
        except Failure:
            state = await self.check(key, native_id)
            if not state.ended and state.word != "cancelling":
                raise

    async def _takes_rows(self, key: str, container: str) -> bool:
        try:
            state = await self.check(key, container)
        except Failure as failure:
            if failure.status in (403, 404):
                return False
            raise
        return state.word in ("empty", "processing")

    async def _listed(self, key: str) -> AsyncGenerator[BatchState, None]:
        async with aclosing(self._paged("/batches", "batches", key)) as batches:
            async for piece in batches:
                state = batch_state(read_line(piece) or {}, self._http.now_ms())
                if state is not None:
                    yield state

    async def _paged(self, path: str, member: str, key: str) -> AsyncGenerator[bytes, None]:
        """The elements of every page, one at a time: a page of long answers is not held as a whole."""
        token, seen = "", set[str]()
        while True:
            after = f"&pagination_token={quote(token, safe='')}" if token else ""
            reader = JsonArrays(member)
            async with aclosing(self._chunks(f"{path}?limit={PAGE}{after}", key)) as chunks:
                try:
                    async for chunk in chunks:
                        for element in reader.feed(chunk):
                            yield element
                    page = mapping(orjson.loads(reader.rest()))
                except ValueError:
                    raise self._failure(
                        f"The {GROK.title} API did not answer with JSON. Check the base URL, or try again later."
                    ) from None
            token = page.get("pagination_token") or ""
            if not token:
                return
            if not isinstance(token, str) or token in seen:
                # A list that does not go on proves nothing.
                raise self._failure(f"{GROK.title}'s list has no end. Try again.")
            seen.add(token)

    async def _chunks(self, path: str, key: str) -> AsyncGenerator[bytes, None]:
        asked = grok_asked(self.name, key)
        try:
            async with self._http.stream(
                "GET",
                self._base_url + path,
                {"accept": "application/json", **authorization(asked)},
                read_refusal=refusal_reader(self._http, asked),
                peer=asked.title,
            ) as answer:
                async for chunk in answer.chunks:
                    yield chunk
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise

    async def _sent(self, path: str, key: str, body: Body, model: str | None) -> None:
        """A POST whose answer says nothing but yes."""
        asked = grok_asked(self.name, key, model)
        try:
            async with self._http.stream(
                "POST",
                self._base_url + path,
                {"accept": "application/json", **authorization(asked)},
                body,
                read_refusal=refusal_reader(self._http, asked),
                peer=asked.title,
                once=True,
            ):
                pass
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise

    async def _json(
        self, method: str, path: str, key: str, body: Body | None = None, *, model: str | None = None
    ) -> Mapping[str, Any]:
        asked = grok_asked(self.name, key, model)
        try:
            value = await self._http.json(
                method,
                self._base_url + path,
                {"accept": "application/json", **authorization(asked)},
                body,
                read_refusal=refusal_reader(self._http, asked),
                peer=asked.title,
            )
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise
        return mapping(value)

    def _failure(self, message: str, kind: str = "provider_unavailable") -> Failure:
        return Failure(kind, message, retryable=True, provider=self.name)


_EMPTY = "The batch exists and holds no rows."


def _in_path(id_: str) -> str:
    return quote(id_, safe="")
