"""OpenAI's batches: a file of lines, a batch made of it, two files of results."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from sidecar.errors import Failure
from sidecar.providers.base import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult, PreparedCall
from sidecar.providers.kernel.bodies import Body, form_body, lines_body
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.jsonl import LineReader, read_line
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.openai.batch_format import ENDPOINT, input_line, outcome
from sidecar.providers.openai.batch_state import ERROR, OUTPUT, TAG, Order, batch_state, is_of
from sidecar.providers.openai_family.errors import Asked
from sidecar.providers.openai_family.exchange import authorization, refusal_reader
from sidecar.providers.openai_family.usage import mapping

if TYPE_CHECKING:
    from sidecar.providers.registry import Row

# The vendor's 200 MB, in the smaller reading of a megabyte.
LIMITS = BatchLimits(rows=50_000, bytes=200_000_000, one_model=True, hours=24)
PAGE = 100

_log = logging.getLogger(__name__)


def make(http: HttpClient, row: Row, base_url: str) -> OpenAIBatch:
    return OpenAIBatch(http, base_url, name=row.name)


class OpenAIBatch:
    """A `base.BatchAdapter`. `base_url` ends where the vendor's own client's does, with `/v1`."""

    limits = LIMITS

    def __init__(self, http: HttpClient, base_url: str, *, name: str = "openai") -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/")

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as a line of the input file, without a line end."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> str:
        """The id of the uploaded input file, which is named after the tag. A second upload is only a second file."""
        file = lines_body(part.lines)
        form = form_body({"purpose": "batch"}, f"{part.tag}.jsonl", file, f"abai-{uuid4().hex}")
        try:
            uploaded = await self._json("POST", "/files", key, form)
        except OutcomeUnknown as failure:
            raise self._failure(
                failure.kind, "OpenAI did not confirm the batch's input file. Nothing was run; try again."
            ) from failure
        id_ = uploaded.get("id")
        if isinstance(id_, str) and id_:
            return id_
        raise self._failure(
            "provider_unavailable",
            "OpenAI took the batch's input file and gave it no id. Nothing was run; try again.",
        )

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch of the uploaded file. Raises OutcomeUnknown when nobody knows whether it exists."""
        body = {
            "input_file_id": part.input_file_id,
            "endpoint": ENDPOINT,
            "completion_window": "24h",
            "metadata": {TAG: part.tag},
        }
        made = await self._json("POST", "/batches", key, body, once=True, model=part.model)
        state = batch_state(made)
        if state is not None:
            return state
        raise OutcomeUnknown(
            "provider_unavailable",
            "OpenAI's answer to the creation of a batch cannot be read. It may have been created.",
            provider=self.name,
            model=part.model,
        )

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Goes through the vendor's list of batches, by our tag and by the input file.

        The absence is certain when the list was read to its end, or past the time of the intent, with a key
        that sees the input file: a key of another project would see neither.
        """
        ours = await self._listed(key, part)
        if ours:
            several = f"OpenAI has {len(ours)} batches of this part." if len(ours) > 1 else ""
            return LookupResult(_best(ours), True, several)
        if part.input_file_id is None:
            return LookupResult(None, True, "The input file was never uploaded, so no batch can exist.")
        if await self._sees(key, part.input_file_id):
            return LookupResult(None, True, "OpenAI lists the input file and no batch of it.")
        return LookupResult(
            None,
            False,
            "OpenAI lists neither the batch nor its input file for this key. "
            "Use the key with which the batch was sent.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        state = batch_state(await self._json("GET", f"/batches/{_in_path(native_id)}", key))
        if state is not None:
            return state
        raise self._failure("provider_unavailable", "OpenAI did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row of the output file and of the error file, in no order. Raises Failure when one breaks off."""
        asked = self._asked(key, None)
        for handle in (OUTPUT, ERROR):
            if handle not in state.handles:
                continue
            async with aclosing(self._lines(key, state.handles[handle])) as lines:
                async for line in lines:
                    value = read_line(line)
                    came = None if value is None else outcome(value, asked, self._http.now_ms())
                    if came is None:
                        _log.warning("a line of the results of batch %s names no row", state.native_id)
                    else:
                        yield came

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended, or is about to, is left at that."""
        try:
            await self._json("POST", f"/batches/{_in_path(native_id)}/cancel", key)
        except Failure:
            state = await self.check(key, native_id)
            if not state.ended and state.word != "cancelling":
                raise

    async def _listed(self, key: str, part: BatchPart) -> list[BatchState]:
        order = Order()
        ours: list[BatchState] = []
        after, seen = "", set[str]()
        while True:
            page = await self._json("GET", f"/batches?limit={PAGE}{after}", key)
            listed = page.get("data")
            if not isinstance(listed, list):
                raise self._failure("provider_unavailable", "OpenAI did not list its batches. Try again.")
            batches = [mapping(batch) for batch in listed]
            for batch in batches:
                state = batch_state(batch)
                if state is not None and is_of(batch, part):
                    ours.append(state)
            last = batches[-1].get("id") if batches else None
            if ours or not page.get("has_more") or order.only_older_follow(batches, part.since):
                return ours
            if not isinstance(last, str) or last in seen:
                # A list that does not go on proves nothing.
                raise self._failure("provider_unavailable", "OpenAI's list of batches has no end. Try again.")
            seen.add(last)
            after = f"&after={quote(last, safe='')}"

    async def _sees(self, key: str, file_id: str) -> bool:
        try:
            await self._json("GET", f"/files/{_in_path(file_id)}", key)
        except Failure as failure:
            if failure.status == 404:
                return False
            raise
        return True

    async def _lines(self, key: str, file_id: str) -> AsyncGenerator[bytes, None]:
        asked = self._asked(key, None)
        reader = LineReader()
        async with self._http.stream(
            "GET",
            f"{self._base_url}/files/{_in_path(file_id)}/content",
            authorization(asked),
            read_refusal=refusal_reader(self._http, asked),
            peer=asked.title,
        ) as answer:
            async for chunk in answer.chunks:
                for line in reader.feed(chunk):
                    yield line
        for line in reader.finish():
            yield line

    async def _json(
        self,
        method: str,
        path: str,
        key: str,
        body: Body | None = None,
        *,
        once: bool = False,
        model: str | None = None,
    ) -> Mapping[str, Any]:
        asked = self._asked(key, model)
        try:
            value = await self._http.json(
                method,
                self._base_url + path,
                {"accept": "application/json", **authorization(asked)},
                body,
                read_refusal=refusal_reader(self._http, asked),
                peer=asked.title,
                once=once,
            )
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise
        return mapping(value)

    def _asked(self, key: str, model: str | None) -> Asked:
        return Asked("OpenAI", self.name, model, key)

    def _failure(self, kind: str, message: str) -> Failure:
        return Failure(kind, message, retryable=True, provider=self.name)


def _best(states: list[BatchState]) -> BatchState:
    """Of several, one that did not fail: what ran was paid for."""
    return next((state for state in states if state.word != "failed"), states[0])


def _in_path(id_: str) -> str:
    return quote(id_, safe="")
