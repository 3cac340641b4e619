"""The composition root: makes every part, hands each what it needs, serves, and puts all away in order."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from sidecar import clock
from sidecar.chat import books
from sidecar.chat.service import ChatService
from sidecar.config import Config
from sidecar.contract.errors import ERRORS
from sidecar.contract.settings import DEFAULTS
from sidecar.keychain import SavedKeys
from sidecar.keys import Keys, KeyStore, MemoryKeys
from sidecar.methods.routes import build_routes
from sidecar.methods.services import Services
from sidecar.money.catalogue import Catalogue
from sidecar.providers.http import HttpEdge
from sidecar.providers.registry import BUILT_IN, Registry, overlay_row
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.server import serve
from sidecar.rpc.stdio import WireStreams
from sidecar.session import Session
from sidecar.settings import Settings
from sidecar.store.database import Database
from sidecar.store.store import Store

log = logging.getLogger("sidecar")

SIMULATED_KEY = "sk-simulated"


def run(config: Config, streams: WireStreams) -> None:
    """Serves one client until it is gone. Blocking."""
    asyncio.run(_run(config, streams))


async def _run(config: Config, streams: WireStreams) -> None:
    outbox, in_flight = Outbox(), InFlight()
    http = HttpEdge(_simulated_network(config) if config.mock else None)
    keys = _saved_keys(config)
    services = make_services(config, http, keys, outbox, in_flight)
    try:
        await serve(
            build_routes(),
            services,
            errors=ERRORS,
            streams=streams,
            max_message_bytes=config.max_message_bytes,
            notifier=outbox,
            in_flight=in_flight,
        )
    finally:
        await services.chat.close()
        await http.aclose()
        await services.store.close()
        if isinstance(keys, SavedKeys):
            keys.close()


def make_services(
    config: Config, http: HttpEdge, key_store: KeyStore, outbox: Outbox, in_flight: InFlight
) -> Services:
    """The parts of one sidecar. Must be called inside a running loop: the database begins to open."""
    now_ms = clock.starting_on(config.mock_day) if config.mock and config.mock_day else clock.now_ms
    started_at = now_ms()
    catalogue = Catalogue.load(config.data_dir / "models.json")
    store = Store(_open_database(config, now_ms))
    own = [
        overlay_row(each.name, each.base_url, key_required=each.key_required)
        for each in catalogue.providers.values()
    ]
    registry = Registry(http, config.environment, own)
    variables = {row.name: row.key_variables for row in registry.rows()}
    keys = Keys(key_store, config.environment, variables)
    settings = Settings(store, DEFAULTS, now_ms)
    session = Session(store, new_id, now_ms)
    chat = ChatService(
        store=store,
        catalogue=catalogue,
        providers=registry,
        keys=keys,
        settings=settings,
        session=session,
        new_id=new_id,
        now_ms=now_ms,
        on_invalid_key=lambda name: outbox.notify("settings:invalidKey", {"provider": name}),
    )
    return Services(
        config=config,
        store=store,
        catalogue=catalogue,
        keys=keys,
        settings=settings,
        session=session,
        chat=chat,
        provider_names=tuple(row.name for row in registry.rows()),
        new_id=new_id,
        now_ms=now_ms,
        started_at=started_at,
        in_flight=lambda: len(in_flight),
    )


def new_id() -> str:
    return str(uuid.uuid4())


async def _open_database(config: Config, now_ms: clock.Now) -> Database:
    database = await Database.open(config.data_dir / "abai.db", now_ms=now_ms)
    interrupted = await database.write(books.mark_interrupted, now_ms())
    if interrupted:
        log.warning("%d answers were cut off when the sidecar last ended; their cost is unknown", interrupted)
    return database


def _saved_keys(config: Config) -> KeyStore:
    if config.mock:
        return MemoryKeys({row.name: SIMULATED_KEY for row in BUILT_IN})
    file_only = config.environment.get("ABAI_KEY_STORE") == "file"
    return SavedKeys(config.data_dir / "keys.json", file_only=file_only)


def _simulated_network(config: Config) -> Callable[[], Any]:
    """The simulator in place of the network: everything above it is what runs for real."""

    def make() -> Any:
        from sidecar.simulator.transport import simulated_transport

        return simulated_transport(pace_ms=config.mock_pace_ms)

    return make
