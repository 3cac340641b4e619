"""The handshake and the service methods."""

from __future__ import annotations

import importlib.resources
from typing import TYPE_CHECKING, Any

import orjson

from sidecar import __version__
from sidecar.contract.methods import PROTOCOL_VERSION, SCHEMA_HASH
from sidecar.contract.types import system as types
from sidecar.errors import Failure
from sidecar.methods.services import Request
from sidecar.process_memory import rss_bytes

if TYPE_CHECKING:
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
    # Whoever asks wants to know whether anybody is there, and ends what gives no answer: in the middle of its work.
    problem: str | None = None
    database: Database | None = None
    try:
        database = await app.store.opened_within(OPENING_SECONDS)
        status = "opening" if database is None else "ok"
    except Failure as failure:
        status, problem = "degraded", failure.message
    return {
        "status": status,
        **({} if problem is None else {"problem": problem}),
        "uptimeMs": max(0, app.now_ms() - app.started_at),
        "schemaVersion": 0 if database is None else database.schema_version,
        "databaseBytes": 0 if database is None else database.size_bytes(),
        "inFlight": app.in_flight(),
        "rssBytes": rss_bytes(),
    }


async def shutdown(call: Request, params: None) -> None:
    """Only answers; rpc takes nothing but `exit` afterwards."""


async def exit_(call: Request, params: None) -> None:
    """Only exists; rpc ends the process."""
