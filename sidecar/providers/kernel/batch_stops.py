"""A vendor is asked to stop a batch: what of its answer is a yes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from sidecar.errors import Failure
from sidecar.providers.batches import BatchState
from sidecar.providers.kernel.bodies import Body
from sidecar.providers.kernel.client import MOST_LOOKED_AT, VendorClient
from sidecar.providers.kernel.json_values import read_document
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.response_body import beginning_of
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.kernel.web_pages import is_page, page_instead

# A vendor that is silent so long has not heard it, while the batch runs on: it is told, and asked again.
STOP_SECONDS = 20.0


async def ask_to_stop(
    api: VendorClient,
    url: str,
    asked: Asked,
    check: Callable[[], Awaitable[BatchState]],
    body: Body | None = None,
    *,
    stopping: str = "",
) -> None:
    """POST to the address that stops a batch. Any good answer is a yes, but for an error and for a web page.

    A refusal means nothing when the batch has ended, or has the vendor's word `stopping`. Raise the Failure of the
    stop otherwise, or that of the check. Neither is waited for longer than STOP_SECONDS.
    """
    late = f"The {asked.title} API did not answer in time when it was to stop the batch."
    try:
        async with _within(api.failure(late, "timeout")):
            await _stop(api, url, asked, body)
    except Failure as failure:
        async with _within(failure):
            state = await check()
        if not state.ended and (not stopping or state.word != stopping):
            raise


@asynccontextmanager
async def _within(too_late: Failure) -> AsyncIterator[None]:
    """Run the block for STOP_SECONDS at most. Raise `too_late` after them."""
    patience = asyncio.timeout(STOP_SECONDS)
    try:
        async with patience:
            yield
    except TimeoutError:
        if patience.expired():
            raise too_late from None
        raise


async def _stop(api: VendorClient, url: str, asked: Asked, body: Body | None) -> None:
    try:
        async with api.stream("POST", url, asked, body) as answer:
            said = await beginning_of(answer, MOST_LOOKED_AT)
    except OutcomeUnknown as failure:
        # A stop is charged by nobody, and may be asked for again.
        told = "did not answer in time" if failure.kind == "timeout" else "broke the connection"
        unheard = api.failure(f"The {asked.title} API {told} when it was to stop the batch.", failure.kind)
        unheard.detail = failure.detail
        raise unheard from failure
    if is_page(said):
        raise page_instead(asked.title)
    try:
        value = read_document(said)
    except ValueError:
        return  # nothing, or a word: gateways have no more to say
    api.refuse_error(value[0] if isinstance(value, list) and len(value) == 1 else value, asked)
