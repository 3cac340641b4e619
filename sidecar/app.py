"""The composition root: makes every part, hands each what it needs, serves, and puts all away in order."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sidecar import clock
from sidecar.batch.engine import Engine
from sidecar.batch.native import NativeBatches
from sidecar.batch.runner import RowRunner
from sidecar.batch.sending import Sender
from sidecar.batch.submit import Intake
from sidecar.batch.telling import Progress
from sidecar.chat import books
from sidecar.chat.question import Desk
from sidecar.chat.service import ChatService
from sidecar.config import Config
from sidecar.contract.errors import ERRORS
from sidecar.contract.methods import SCHEMA_HASH
from sidecar.contract.settings import DEFAULTS
from sidecar.errors import Failure
from sidecar.keychain import SavedKeys
from sidecar.keys import Keys, KeyStore, MemoryKeys
from sidecar.methods import batch_wire
from sidecar.methods.routes import build_routes
from sidecar.methods.services import Services
from sidecar.money.catalogue import Catalogue
from sidecar.providers.http import HttpEdge
from sidecar.providers.http import network as real_network
from sidecar.providers.limits import Gates
from sidecar.providers.registry import BUILT_IN, Registry, overlay_row
from sidecar.rpc.dispatch import Route
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.near_end import NearEnd
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.server import serve
from sidecar.rpc.stdio import WireStreams
from sidecar.session import Session
from sidecar.settings import Settings
from sidecar.store.database import Database
from sidecar.store.job_records import JobRow
from sidecar.store.old_files import take_over
from sidecar.store.store import Store

if TYPE_CHECKING:
    from sidecar.recorder.recorder import Recorder

log = logging.getLogger("sidecar")

GRACE_SECONDS = 4.5
# Rows in flight have no one who waits for them, and go on at the next start.
BATCH_GRACE_SECONDS = 4.0
SIMULATED_KEY = "sk-simulated"


def run(config: Config, streams: WireStreams) -> None:
    """Serves one client until it is gone. Blocking. Raises Failure for a recording that cannot be read."""
    if config.mock_from is not None:
        from sidecar.recorder import wiring

        config = wiring.as_recorded(config, config.mock_from)
    asyncio.run(_run(config, streams))


async def _run(config: Config, streams: WireStreams) -> None:
    now_ms = run_clock(config)
    network: Callable[[], Any] = _simulated_network(config, now_ms) if config.mock else real_network
    if config.mock_from is not None:
        from sidecar.recorder import wiring

        network = wiring.recorded_mock(config.mock_from, config.mock_pace_ms)
    keys = saved = _saved_keys(config)
    recorder: Recorder | None = None
    if config.record is not None:
        from sidecar.recorder import wiring

        recorder = wiring.start_recorder(
            config, config.record, now_ms=now_ms(), schema_hash=SCHEMA_HASH, settings=DEFAULTS
        )
        network, keys = wiring.recorded_network(network, recorder), wiring.WatchedKeys(saved, recorder)
    try:
        await serve_client(config, streams, HttpEdge(network), keys, now_ms, recorder)
    finally:
        if isinstance(saved, SavedKeys):
            saved.close()
        if recorder is not None:
            await asyncio.to_thread(recorder.close)


@asynccontextmanager
async def serve_inside(
    config: Config, make_transport: Callable[[], Any] | None, saved_keys: Sequence[str]
) -> AsyncIterator[NearEnd]:
    """A sidecar inside this process, reached over pipes as by any client; retries wait for nothing.

    Without a transport the simulator is the network; without saved keys in a mock run, all keys are there.
    """
    now_ms = run_clock(config)
    network = make_transport if make_transport is not None else _simulated_network(config, now_ms)
    keys = MemoryKeys(dict.fromkeys(saved_keys, SIMULATED_KEY))
    if config.mock and not saved_keys:
        keys = MemoryKeys({row.name: SIMULATED_KEY for row in BUILT_IN})
    http = HttpEdge(network, sleep=lambda seconds: asyncio.sleep(0))
    near = NearEnd(config.max_message_bytes)
    serving = asyncio.create_task(serve_client(config, near.streams, http, keys, now_ms))
    serving.add_done_callback(lambda _: near.server_ended())
    try:
        yield near
    finally:
        near.close_input()
        await serving
        await near.aclose()


async def serve_client(
    config: Config,
    streams: WireStreams,
    http: HttpEdge,
    keys: KeyStore,
    now_ms: clock.Now,
    recorder: Recorder | None = None,
) -> None:
    """Serves until the client is gone, and puts away all that was made for it, `http` too."""
    outbox = Outbox(on_leaving=None if recorder is None else recorder.sent)
    in_flight = InFlight()
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
            on_stopping=services.batches.stop_taking if services is not None else None,
            notifier=outbox,
            in_flight=in_flight,
            on_arrival=None if recorder is None else recorder.arrived,
        )
    finally:
        if services is not None:
            await asyncio.gather(services.batches.close(BATCH_GRACE_SECONDS), services.native.close())
            await services.chat.close()
            await services.store.close()
        await http.aclose()


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
    open_database = partial(_open_database, config, now_ms)
    store = Store(open_database())
    own = [
        overlay_row(
            name, each.base_url, key_required=each.key_required, key_name=each.key_name, title=each.name
        )
        for name, each in catalogue.providers.items()
    ]
    # Base URLs of the environment point at real servers, which a mock run must not know.
    simulated = config.mock and config.mock_from is None
    registry = Registry(http, {} if simulated else config.environment, own)
    variables = {row.name: row.key_variables for row in registry.rows()}
    keys = Keys(key_store, config.environment, variables)
    settings = Settings(store, DEFAULTS, now_ms)
    session = Session(store, new_id, now_ms)

    def refused_key(name: str) -> None:
        outbox.notify("settings:invalidKey", {"provider": name})

    def tell(told: Progress) -> None:
        outbox.notify("batch:progress", batch_wire.progress(told), merge_key=told.job.id)

    def tell_row(job_id: str, row: JobRow) -> None:
        outbox.notify("batch:row-done", batch_wire.row_done(job_id, row))

    chat = ChatService(
        store=store,
        catalogue=catalogue,
        providers=registry,
        keys=keys,
        settings=settings,
        session=session,
        new_id=new_id,
        now_ms=now_ms,
        on_invalid_key=refused_key,
    )
    desk = Desk(catalogue, registry, keys, settings, now_ms)
    runner = RowRunner(
        store=store,
        catalogue=catalogue,
        desk=desk,
        gates=Gates(now_ms),
        new_id=new_id,
        now_ms=now_ms,
        on_invalid_key=refused_key,
    )
    batches = Engine(
        store=store,
        runner=runner,
        providers=registry,
        keys=keys,
        settings=settings,
        now_ms=now_ms,
        tell=tell,
        tell_row=tell_row,
    )
    intake = Intake(
        store=store,
        catalogue=catalogue,
        providers=registry,
        adapters=registry,
        keys=keys,
        settings=settings,
        session=session,
        new_id=new_id,
        now_ms=now_ms,
    )
    native = NativeBatches(
        store=store,
        intake=intake,
        sender=Sender(
            store=store,
            adapters=registry,
            keys=keys,
            desk=desk,
            catalogue=catalogue,
            new_id=new_id,
            now_ms=now_ms,
        ),
        adapters=registry,
        catalogue=catalogue,
        settings=settings,
        now_ms=now_ms,
        tell=tell,
        tell_row=tell_row,
        on_invalid_key=refused_key,
        poll_ms=config.batch_poll_ms,
    )
    batches.resume()
    native.resume()
    return Services(
        config=config,
        store=store,
        open_database=open_database,
        catalogue=catalogue,
        keys=keys,
        settings=settings,
        session=session,
        chat=chat,
        batches=batches,
        native=native,
        intake=intake,
        providers=registry,
        provider_names=tuple(row.name for row in registry.rows()),
        new_id=new_id,
        now_ms=now_ms,
        started_at=started_at,
        in_flight=lambda: in_flight.count,
    )


def run_clock(config: Config) -> clock.Now:
    """The clock of this run: the real one, unless a run that is not real is told another day."""
    return clock.starting_on(config.mock_day) if config.mock_day else clock.now_ms


def new_id() -> str:
    return str(uuid.uuid4())


async def _open_database(config: Config, now_ms: clock.Now) -> Database:
    database = await Database.open(config.data_dir / "abai.db", now_ms=now_ms)
    try:
        interrupted = await database.write(books.mark_interrupted, now_ms())
        if interrupted:
            log.warning(
                "%d answers were cut off when the sidecar last ended; their cost is unknown", interrupted
            )
        await take_over(database, config.data_dir, now_ms())
    except BaseException:
        # It holds the folder, and whoever opens next would find it taken.
        await database.close()
        raise
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
