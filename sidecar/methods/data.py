"""data:* — copies of the data: one file for us, a folder for other programs, and the way back."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.methods.services import Request
from sidecar.spending.recovery import of_a_backup
from sidecar.store import kv
from sidecar.store.atomic_files import target_file
from sidecar.store.diagnosis import check_database, no_file
from sidecar.store.exports import export_tables
from sidecar.store.integrity import DAMAGED
from sidecar.store.kept_copies import list_backups
from sidecar.store.lost_rows import SALVAGED, lost_of, summary_of
from sidecar.store.restore import restore as restore_backup
from sidecar.store.restore import restore_readable

if TYPE_CHECKING:
    from sidecar.contract.types import data as types


async def backup(call: Request, params: types.DataBackupParams) -> dict[str, Any]:
    app = call.services
    # An opening that is under way clears up, the note of where files are being written too.
    await app.store.database()
    target = await asyncio.to_thread(target_file, params.path, app.config.data_dir)
    size = await app.store.backup(target)
    app.caretaker.look_again()
    return _copy(target, size)


async def export(call: Request, params: types.DataExportParams) -> dict[str, Any]:
    app = call.services
    return _copy(*await export_tables(app.store, app.config.data_dir, params.path))


async def restore(call: Request, params: types.DataRestoreParams) -> dict[str, Any]:
    app = call.services
    try:
        restored = await restore_backup(
            app.store,
            app.database_file,
            params.path,
            reopen=app.open_database,
            calm=of_a_backup,
            now_ms=app.now_ms,
        )
    finally:
        # Also for who is cancelled meanwhile: the backup may be in place by then.
        app.read_anew()
    # What was found before was of another file.
    app.caretaker.problem = None
    app.native.resumption.begin()
    return _copy(*restored)


async def backups(call: Request, params: None) -> list[dict[str, Any]]:
    found = await asyncio.to_thread(list_backups, call.services.database_file)
    return [
        {
            "path": str(each.path),
            "kind": each.kind,
            "createdAt": each.created_at,
            "bytes": each.size,
            "checked": each.checked,
        }
        for each in found
    ]


async def check(call: Request, params: types.DataCheckParams) -> dict[str, Any]:
    full = bool(params.full)
    file = call.services.database_file
    problems = await check_database(file, full=full)
    if not problems:
        call.services.caretaker.look_again()
    missing = no_file(file)
    advice = {"advice": missing if missing in problems else DAMAGED} if problems else {}
    return {"sound": not problems, "full": full, "problems": problems, **advice}


async def salvage(call: Request, params: None) -> dict[str, Any]:
    app = call.services
    try:
        found, kept = await restore_readable(
            app.store, app.database_file, reopen=app.open_database, calm=of_a_backup, now_ms=app.now_ms
        )
    finally:
        app.read_anew()
    app.caretaker.problem = None
    app.native.resumption.begin()
    told = {}
    if kept is not None:
        told = {"kept": str(kept), "summary": summary_of(found, kept)}
        await app.store.write(kv.put, SALVAGED, told["summary"])
    return {
        **told,
        "tables": [asdict(each) for each in found],
        "lost": [sentence for sentence in map(lost_of, found) if sentence],
    }


def _copy(path: Path, size: int) -> dict[str, Any]:
    return {"path": str(path), "bytes": size}
