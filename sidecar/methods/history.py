"""history:* — what the renderer logs for a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from sidecar.methods.services import Request
from sidecar.store import history

if TYPE_CHECKING:
    from sidecar.contract.types import history as types

PAGE_ROWS = 1_000


async def log(call: Request, params: types.HistoryLogParams) -> None:
    app = call.services
    await app.store.write(history.append, params.project, params.row, app.now_ms())


async def read(call: Request, params: types.HistoryReadParams) -> orjson.Fragment:
    """The rows leave as they are stored; none of them becomes an object here."""
    found: list[str] = []
    after = 0
    while page := await call.services.store.read(history.page, params.project, after, PAGE_ROWS):
        found += (row for _, row in page)
        after = page[-1][0]
    return orjson.Fragment(f"[{','.join(found)}]")


async def open_folder(call: Request, params: types.HistoryOpenFolderParams) -> None:
    """The Electron side opens the folder."""
