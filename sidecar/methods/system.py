"""The handshake and the service methods."""

from __future__ import annotations

import importlib.resources
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from sidecar import __version__
from sidecar.contract.methods import PROTOCOL_VERSION, SCHEMA_HASH
from sidecar.errors import Failure
from sidecar.methods.services import Request, Services
from sidecar.process_memory import rss_bytes
from sidecar.store import kv, synced_folder
from sidecar.store.diagnosis import LITTLE_ROOM_BYTES, Folder, look_at_folder
from sidecar.store.disk import SILENT
from sidecar.store.kept_copies import Backup, list_backups
from sidecar.store.lost_rows import SALVAGED

if TYPE_CHECKING:
    from sidecar.contract.types import system as types
    from sidecar.store.database import Database

# How long a question for the health waits for the database: a usual one is open by then.
OPENING_SECONDS = 2.0
# How long it waits for the disk, before it says that the disk does not answer.
DISK_SECONDS = 2.0
# Of a folder that cannot be looked at nothing is known; that it was there is, since the database was.
UNSEEN = Folder(exists=True, writable=False, free_bytes=None, database_bytes=0, log_bytes=0)

T = TypeVar("T")


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
    state = await _state(app)
    status, problem = state.status, state.problem
    # A disk that does not answer has been waited for already.
    catalogue = None if state.silent else await app.catalogue_files.look_again()
    if catalogue is not None and status == "ok":
        status, problem = "degraded", catalogue.message
    if status == "ok":
        problem = state.synced
    return {
        "status": status,
        **({} if problem is None else {"problem": problem}),
        "uptimeMs": max(0, app.now_ms() - app.started_at),
        "schemaVersion": 0 if state.database is None else state.database.schema_version,
        "databaseBytes": state.bytes,
        "inFlight": app.in_flight(),
        "rssBytes": rss_bytes(),
    }


async def doctor(call: Request, params: None) -> dict[str, Any]:
    app = call.services
    state = await _state(app)
    seen = None if state.silent else await _seen(app, partial(_look_around, app.database_file))
    folder, backups = seen or (UNSEEN, [])
    catalogue = None if seen is None else await app.catalogue_files.look_again()
    salvaged = await _salvaged(state.database)
    whole = [each.created_at for each in backups if each.checked]
    free = {} if folder.free_bytes is None else {"freeBytes": folder.free_bytes}
    return {
        "versions": {
            "sidecar": __version__,
            "protocol": PROTOCOL_VERSION,
            "sqlite": sqlite3.sqlite_version,
            "database": 0 if state.database is None else state.database.schema_version,
        },
        "folder": {
            "path": str(app.config.data_dir),
            "exists": folder.exists,
            "writable": folder.writable,
            **free,
        },
        "database": {"status": state.status, "bytes": folder.database_bytes, "logBytes": folder.log_bytes},
        "backups": {"count": len(backups), **({"newestAt": whole[0]} if whole else {})},
        "problems": [
            *([state.problem] if state.problem else []),
            *([catalogue.message] if catalogue else []),
            *([SILENT] if seen is None and not state.silent else []),
            *([] if seen is None else _of_folder(folder)),
            *([state.synced] if state.synced else []),
        ],
        **({} if salvaged is None else {"salvaged": salvaged}),
    }


@dataclass(frozen=True, slots=True)
class _State:
    """How the database is, itself where it is open, and what is wrong with it.

    `silent`: the disk does not answer. `synced` is what is told of a folder that a service copies elsewhere.
    """

    status: str
    database: Database | None = None
    problem: str | None = None
    bytes: int = 0
    synced: str | None = None
    silent: bool = False


async def _state(app: Services) -> _State:
    # Whoever asks wants to know whether anybody is there, and ends what gives no answer: in the middle of its work.
    problem: str | None = None
    database: Database | None = None
    try:
        database = await app.store.opened_within(OPENING_SECONDS)
        if database is None:
            return _State("opening")
    except Failure as failure:
        problem = failure.message
    seen = await _seen(app, partial(_look, app.config.data_dir, database))
    if seen is None:
        return _State("degraded", database, SILENT, silent=True)
    gone, size, synced = seen
    problem = problem or (app.caretaker.problem if gone is None else gone.message)
    return _State("ok" if problem is None else "degraded", database, problem, size, synced)


async def _seen(app: Services, look: Callable[[], T]) -> T | None:
    """What a look at the disk gives, None where the disk does not answer."""
    try:
        return await app.store.disk.ask(look, DISK_SECONDS)
    except Failure:
        return None


def _look(folder: Path, database: Database | None) -> tuple[Failure | None, int, str | None]:
    """Whether the database is still there, its size and what is to be said of its folder. Blocking."""
    synced = synced_folder.warning(folder)
    return (None, 0, synced) if database is None else (database.gone(), database.size_bytes(), synced)


def _look_around(database: Path) -> tuple[Folder, list[Backup]]:
    """The folder of the database and the backups in it. Blocking."""
    return look_at_folder(database), list_backups(database)


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
