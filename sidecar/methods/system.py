"""The handshake and the service methods."""

from __future__ import annotations

import asyncio
import importlib.resources
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson

from sidecar import __version__
from sidecar.contract.methods import PROTOCOL_VERSION, SCHEMA_HASH
from sidecar.errors import Failure
from sidecar.methods.services import Request, Services
from sidecar.process_memory import rss_bytes
from sidecar.store import kv, synced_folder
from sidecar.store.backups import list_backups
from sidecar.store.diagnosis import LITTLE_ROOM_BYTES, Folder, look_at_folder
from sidecar.store.lost_rows import SALVAGED

if TYPE_CHECKING:
    from sidecar.contract.types import system as types
    from sidecar.store.database import Database

# How long a question for the health waits for the database: a usual one is open by then.
OPENING_SECONDS = 2.0


async def initialize(call: Request, params: types.InitializeParams) -> dict[str, Any]:
    if params.protocol_version.split(".")[0] != PROTOCOL_VERSION.split(".")[0]:
        message = (
            f"This sidecar serves protocol version {PROTOCOL_VERSION}, not {params.protocol_version[:40]}. "
            "Update the app or the sidecar so that both are of one release."
        )
        raise Failure(
            "invalid_params",
            message,
            issues=[{"path": "protocolVersion", "message": f"served: {PROTOCOL_VERSION}"}],
        )
    config = call.services.config
    return {
        "protocolVersion": PROTOCOL_VERSION,
        "server": {"name": "abai-sidecar", "version": __version__},
        "schemaHash": SCHEMA_HASH,
        "dataDir": str(config.data_dir),
        "mock": config.mock,
        "resumedJobs": list(await call.services.resumed_jobs()),
    }


async def discover(call: Request, params: None) -> orjson.Fragment:
    document = importlib.resources.files("sidecar.contract").joinpath("openrpc.json")
    return orjson.Fragment(document.read_bytes())


async def health(call: Request, params: None) -> dict[str, Any]:
    app = call.services
    status, database, problem = await _state(app)
    catalogue = await app.catalogue_files.look_again()
    if catalogue is not None and status == "ok":
        status, problem = "degraded", catalogue.message
    if status == "ok":
        problem = await synced_folder.warning(app.config.data_dir)
    return {
        "status": status,
        **({} if problem is None else {"problem": problem}),
        "uptimeMs": max(0, app.now_ms() - app.started_at),
        "schemaVersion": 0 if database is None else database.schema_version,
        "databaseBytes": 0 if database is None else database.size_bytes(),
        "inFlight": app.in_flight(),
        "rssBytes": rss_bytes(),
    }


async def doctor(call: Request, params: None) -> dict[str, Any]:
    app = call.services
    status, database, problem = await _state(app)
    folder = await asyncio.to_thread(look_at_folder, app.database_file)
    backups = await asyncio.to_thread(list_backups, app.database_file)
    catalogue = await app.catalogue_files.look_again()
    synced = await synced_folder.warning(app.config.data_dir)
    salvaged = await _salvaged(database)
    whole = [each.created_at for each in backups if each.checked]
    free = {} if folder.free_bytes is None else {"freeBytes": folder.free_bytes}
    return {
        "versions": {
            "sidecar": __version__,
            "protocol": PROTOCOL_VERSION,
            "sqlite": sqlite3.sqlite_version,
            "database": 0 if database is None else database.schema_version,
        },
        "folder": {
            "path": str(app.config.data_dir),
            "exists": folder.exists,
            "writable": folder.writable,
            **free,
        },
        "database": {"status": status, "bytes": folder.database_bytes, "logBytes": folder.log_bytes},
        "backups": {"count": len(backups), **({"newestAt": whole[0]} if whole else {})},
        "problems": [
            *([problem] if problem else []),
            *([catalogue.message] if catalogue else []),
            *_of_folder(folder),
            *([synced] if synced else []),
        ],
        **({} if salvaged is None else {"salvaged": salvaged}),
    }


async def _state(app: Services) -> tuple[str, Database | None, str | None]:
    """How the database is, itself where it is open, and what is wrong with it."""
    # Whoever asks wants to know whether anybody is there, and ends what gives no answer: in the middle of its work.
    try:
        database = await app.store.opened_within(OPENING_SECONDS)
    except Failure as failure:
        return "degraded", None, failure.message
    if database is None:
        return "opening", None, None
    gone = await database.gone()
    problem = app.caretaker.problem if gone is None else gone.message
    return "ok" if problem is None else "degraded", database, problem


async def _salvaged(database: Database | None) -> str | None:
    """What was saved of a damaged database that this one took the place of."""
    try:
        return None if database is None else await database.read(kv.get, SALVAGED)
    except Failure:
        return None


def _of_folder(folder: Folder) -> list[str]:
    if not folder.exists:
        return ["The data folder is not there. Put it back, or choose another one."]
    found = []
    if not folder.writable:
        found.append("The data folder may not be written to. Check its permissions.")
    if folder.free_bytes is not None and folder.free_bytes < LITTLE_ROOM_BYTES:
        found.append("The disk is nearly full. Free some space, or answers that were paid cannot be kept.")
    return found


async def shutdown(call: Request, params: None) -> None:
    """Only answers; rpc takes nothing but `exit` afterwards."""


async def exit_(call: Request, params: None) -> None:
    """Only exists; rpc ends the process."""
