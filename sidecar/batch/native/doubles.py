"""Batches that were made of a part besides the one that is collected: nobody wants them, and each is paid for."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.store import unheard_stops
from sidecar.store.job_records import VendorBatch

log = logging.getLogger("sidecar.batch")


async def stop_double(
    core: Core, key: Callable[[str], Awaitable[str]], part: VendorBatch, native_id: str
) -> None:
    """Have the vendor stop this batch. Where it does not hear that, it is asked again from the next start on.

    `key` gives the API key of a provider. Raises Failure("storage_error").
    """
    log.warning("part %s: %s has made %s of it too, and is to stop it", part.id, part.provider, native_id)
    await core.store.write(unheard_stops.add, part.provider, native_id, core.now_ms())
    try:
        await core.providers.batch(part.provider).cancel(await key(part.provider), native_id)
    except Failure as failure:
        log.warning("%s did not take that: %s", part.provider, failure.message)
    else:
        await core.store.write(unheard_stops.remove, part.provider, native_id)
