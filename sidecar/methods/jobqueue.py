"""jobqueue:* — states of the batches that the renderer runs itself. No name that it gives ever reaches the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from sidecar.methods.services import Request
from sidecar.store import jobqueue

if TYPE_CHECKING:
    from sidecar.contract.types import jobqueue as types

DIRECTORY = "jobqueue"
SUFFIX = ".jobqueue"


async def save_state(call: Request, params: types.JobqueueSaveStateParams) -> None:
    # Nothing is awaited before the write: several come at once, and the last one sent is to win.
    await call.services.store.write(jobqueue.save, params.batch_id, params.state, call.services.now_ms())


async def load_state(call: Request, params: types.JobqueueLoadStateParams) -> orjson.Fragment | None:
    # Read by the writer, in its turn: a save that was sent before is seen, also one that is not answered yet.
    text = await call.services.store.write(jobqueue.load, params.batch_id)
    return None if text is None else orjson.Fragment(text)


async def clear_state(call: Request, params: types.JobqueueClearStateParams) -> None:
    await call.services.store.write(jobqueue.clear, params.batch_id)


async def get_directory(call: Request, params: None) -> str:
    return DIRECTORY


async def list_files(call: Request, params: types.JobqueueListFilesParams) -> list[str]:
    if params.directory != DIRECTORY:
        return []
    return [batch_id + SUFFIX for batch_id in await call.services.store.read(jobqueue.batch_ids)]
