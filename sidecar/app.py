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
from sidecar.errors import Failure
from sidecar.keychain import SavedKeys
from sidecar.keys import Keys, KeyStore, MemoryKeys
from sidecar.methods.routes import build_routes
from sidecar.methods.services import Services
from sidecar.money.catalogue import Catalogue
from sidecar.providers.http import HttpEdge
from sidecar.providers.registry import BUILT_IN, Registry, overlay_row
from sidecar.rpc.dispatch import Route
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.server import serve
from sidecar.rpc.stdio import WireStreams
from sidecar.session import Session
from sidecar.settings import Settings
from sidecar.store.database import Database
from sidecar.store.store import Store

log = logging.getLogger("sidecar")

GRACE_SECONDS = 4.5
SIMULATED_KEY = "sk-simulated"


def run(config: Config, streams: WireStreams) -> None:
    """Serves one client until it is gone. Blocking."""
    asyncio.run(_run(config, streams))


async def _run(config: Config, streams: WireStreams) -> None:
    outbox, in_flight = Outbox(), InFlight()
    now_ms = run_clock(config)
    http = HttpEdge(_simulated_network(config, now_ms) if config.mock else None)
    keys = _saved_keys(config)
    routes = build_routes()
    services: Services | None = None
    try:
        services = make_services(config, http, keys, outbox, in_flight, now_ms)
    except Failure as failure:
        # A models.json of the person's own that is wrong: prices would be wrong without it, so nothing is served
        # but the reason, where it can be read.
        log.error("nothing can be served: %s", failure.message)
        routes = {name: refusing(route, failure) for name, route in routes.items()}
    try:
        await serve(
            routes,
            services,
            errors=ERRORS,
            streams=streams,
            max_message_bytes=config.max_message_bytes,
            # What is cancelled then still has to settle and commit within the five seconds of the contract.
            grace_seconds=GRACE_SECONDS,
            notifier=outbox,
            in_flight=in_flight,
        )
    finally:
        if services is not None:
            await services.chat.close()
            await services.store.close()
        await http.aclose()
        if isinstance(keys, SavedKeys):
            keys.close()


def refusing(route: Route, failure: Failure) -> Route:
    """The same method, answering with the failure that keeps all of them from being served."""

    async def refuse(call: Any, params: Any) -> Any:
        raise Failure(failure.kind, failure.message, issues=failure.issues, detail=failure.detail)

    return Route(route.name, refuse, lambda raw: None, route.notification)


def make_services(
    config: Config,
    http: HttpEdge,
    key_store: KeyStore,
    outbox: Outbox,
    in_flight: InFlight,
    now_ms: clock.Now,
) -> Services:
    """The parts of one sidecar. Must be called inside a running loop: the database begins to open."""
    started_at = now_ms()
    catalogue = Catalogue.load(config.data_dir / "models.json")
    store = Store(_open_database(config, now_ms))
    own = [
        overlay_row(
            name, each.base_url, key_required=each.key_required, key_name=each.key_name, title=each.name
        )
        for name, each in catalogue.providers.items()
    ]
    # Base URLs of the environment point at real servers, which a mock run must not know.
    registry = Registry(http, {} if config.mock else config.environment, own)
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
        providers=registry,
        provider_names=tuple(row.name for row in registry.rows()),
        new_id=new_id,
        now_ms=now_ms,
        started_at=started_at,
        in_flight=lambda: in_flight.count,
    )


def run_clock(config: Config) -> clock.Now:
    """The clock of this run: the real one, unless a mock run is told another day."""
    return clock.starting_on(config.mock_day) if config.mock and config.mock_day else clock.now_ms


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


def _simulated_network(config: Config, now_ms: clock.Now) -> Callable[[], Any]:
    """The simulator in place of the network: everything above it is what runs for real."""

    def make() -> Any:
        from sidecar.simulator.core import DEFAULT_PACE_MS, Simulator
        from sidecar.simulator.transport import simulated_transport

        pace = DEFAULT_PACE_MS if config.mock_pace_ms is None else config.mock_pace_ms
        return simulated_transport(Simulator(pace_ms=pace, now_ms=now_ms))

    return make
