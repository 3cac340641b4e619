"""Anthropic's message batches: the rows go with the create, and the batch carries no mark of ours."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sidecar.errors import Failure
from sidecar.providers.anthropic.batch_format import (
    RESULTS,
    batch_state,
    input_line,
    is_older,
    may_be_of,
    outcome,
)
from sidecar.providers.anthropic.errors import PROVIDER, TITLE, Asked
from sidecar.providers.anthropic.provider import authorization, refusal_reader
from sidecar.providers.base import BatchLimits, BatchPart, BatchResult, BatchState, LookupResult, PreparedCall
from sidecar.providers.kernel.bodies import Body, array_body
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.jsonl import LineReader, read_line
from sidecar.providers.kernel.outcome import OutcomeUnknown

if TYPE_CHECKING:
    from sidecar.providers.registry import Row

PATH = "/v1/messages/batches"
# The vendor's 256 MB, in the smaller reading of a megabyte and less the brackets around the rows.
LIMITS = BatchLimits(rows=100_000, bytes=256_000_000 - 100, row_bytes=32_000_000, one_model=False, hours=24)
PAGE = 100

_log = logging.getLogger(__name__)


def make(http: HttpClient, row: Row, base_url: str) -> AnthropicBatch:
    """For the registry."""
    return AnthropicBatch(http, base_url, name=row.name)


class AnthropicBatch:
    """A `base.BatchAdapter`. `base_url` ends where the vendor's own client's does, without a version."""

    limits = LIMITS

    def __init__(self, http: HttpClient, base_url: str, *, name: str = PROVIDER) -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/").removesuffix("/v1")

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as it stands in the create's list."""
        return input_line(custom_id, plan)

    async def upload(self, key: str, part: BatchPart) -> None:
        """Nothing: the rows go with the create."""

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch with its rows. Raises OutcomeUnknown when nobody knows whether it exists."""
        body = array_body("requests", part.lines)
        state = batch_state(await self._json("POST", PATH, key, body, once=True))
        if state is not None:
            return state
        raise OutcomeUnknown(
            "provider_unavailable",
            f"{TITLE}'s answer to the creation of a batch cannot be read. It may have been created.",
            provider=self.name,
            model=part.model,
        )

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
            return LookupResult(None, True, f"{TITLE} lists no batch with these rows.")
        return LookupResult(
            None,
            False,
            f"{TITLE} has {len(open_)} batch(es) of {len(part.custom_ids)} rows that may be this one and have not "
            f"ended: {', '.join(open_[:3])}. It can be told when they have.",
        )

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing. Raises Failure, also for an answer that is no batch."""
        state = batch_state(await self._json("GET", f"{PATH}/{_in_path(native_id)}", key))
        if state is not None:
            return state
        raise self._failure(f"{TITLE} did not say how the batch is doing. Try again.")

    async def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row, in no order. Raises Failure when the results break off; none where they are gone."""
        if RESULTS not in state.handles:
            return
        asked = Asked(None, key)
        async with aclosing(self._lines(key, state.native_id)) as lines:
            async for line in lines:
                value = read_line(line)
                came = None if value is None else outcome(value, asked)
                if came is None:
                    _log.warning("a line of the results of batch %s names no row", state.native_id)
                else:
                    yield came

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop; one that has ended, or is about to, is left at that."""
        try:
            await self._json("POST", f"{PATH}/{_in_path(native_id)}/cancel", key)
        except Failure:
            state = await self.check(key, native_id)
            if not state.ended and state.word != "canceling":
                raise

    async def _candidates(self, key: str, part: BatchPart) -> list[BatchState]:
        """The list comes newest first, which the vendor promises: what is older than the intent ends it."""
        found: list[BatchState] = []
        after, seen = "", set[str]()
        while True:
            page = await self._json("GET", f"{PATH}?limit={PAGE}{after}", key)
            listed = page.get("data")
            if not isinstance(listed, list):
                raise self._failure(f"{TITLE} did not list its batches. Try again.")
            states = [state for state in map(_state, listed) if state is not None]
            found += [state for state in states if may_be_of(state, part)]
            if not page.get("has_more") or (states and is_older(states[-1], part)):
                return found
            last = states[-1].native_id if states else ""
            if not last or last in seen:
                # A list that does not go on proves nothing.
                raise self._failure(f"{TITLE}'s list of batches has no end. Try again.")
            seen.add(last)
            after = f"&after_id={quote(last, safe='')}"

    async def _has_ours(self, key: str, state: BatchState, part: BatchPart) -> bool | None:
        """Whether the batch's results are of the part's rows; None while nobody can tell."""
        if not state.ended or RESULTS not in state.handles:
            return None
        wanted = frozenset(part.custom_ids)
        async with aclosing(self.results(key, state)) as results:
            async for came in results:
                # No row of ours is in another batch, so the first one decides.
                return came.custom_id in wanted
        return None

    async def _lines(self, key: str, native_id: str) -> AsyncGenerator[bytes, None]:
        """Not from the address that the vendor names: the key goes to the base URL alone."""
        reader = LineReader()
        async with self._http.stream(
            "GET",
            f"{self._base_url}{PATH}/{_in_path(native_id)}/results",
            authorization(key),
            read_refusal=refusal_reader(self._http, Asked(None, key)),
            peer=TITLE,
        ) as answer:
            async for chunk in answer.chunks:
                for line in reader.feed(chunk):
                    yield line
        for line in reader.finish():
            yield line

    async def _json(
        self, method: str, path: str, key: str, body: Body | None = None, *, once: bool = False
    ) -> Mapping[str, Any]:
        try:
            value = await self._http.json(
                method,
                self._base_url + path,
                {"accept": "application/json", **authorization(key)},
                body,
                read_refusal=refusal_reader(self._http, Asked(None, key)),
                peer=TITLE,
                once=once,
            )
        except Failure as failure:
            failure.provider = failure.provider or self.name
            raise
        return value if isinstance(value, Mapping) else {}

    def _failure(self, message: str) -> Failure:
        return Failure("provider_unavailable", message, retryable=True, provider=self.name)


def _state(value: Any) -> BatchState | None:
    return batch_state(value) if isinstance(value, Mapping) else None


def _in_path(id_: str) -> str:
    return quote(id_, safe="")
