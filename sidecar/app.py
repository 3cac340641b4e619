"""The process: makes one sidecar, serves a client with it, and puts all away in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sidecar import clock, failpoints, slow_callbacks
from sidecar.config import Config
from sidecar.container import Container
from sidecar.contract.errors import ERRORS
from sidecar.contract.methods import SCHEMA_HASH
from sidecar.contract.providers import PROVIDERS
from sidecar.contract.settings import DEFAULTS
from sidecar.key_names import ADMIN_KEY_VARIABLES
from sidecar.key_stores import EveryKey, KeyStore, MemoryKeys
from sidecar.keychain import SavedKeys
from sidecar.known_secrets import KnownSecrets
from sidecar.methods.routes import build_routes
from sidecar.network_options import Options
from sidecar.parent import Parent
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.loopback import LoopbackClient
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.server import serve
from sidecar.rpc.stdio import WireStreams
from sidecar.sentinel import Sentinel
from sidecar.watchdog import Watchdog

if TYPE_CHECKING:
    from sidecar.providers.kernel.http import HttpClient
    from sidecar.recorder.recorder import Recorder

log = logging.getLogger("sidecar")

# What is cancelled then still has to settle and commit within the five seconds in which the process ends.
GRACE_SECONDS = 3.0
# Makes the transport of a run from what the person set.
MakeNetwork = Callable[[Options], Any]
SIMULATED_KEY = "sk-simulated"
SIMULATED_ADMIN_KEY = "sk-admin-simulated"
# Nobody reads the vendors' side of the bill inside the process, where a batch may have a million rows.
MOCK_LEDGER_ENTRIES = 1_000


def run(config: Config, streams: WireStreams, secrets: KnownSecrets, sentinel: Sentinel) -> None:
    """Serve one client until it is gone; no secret of its goes out. Blocks. Where work is stuck at the end, the process
    ends instead of returning.

    Raises Failure for a recording that cannot be read.
    """
    failpoints.arm(config.environment)
    if config.mock_from is not None:
        from sidecar.recorder import setup

        config = setup.as_recorded(config, config.mock_from)
    secrets.learn_environment(config.environment)
    if slow_callbacks.VARIABLE in config.environment:
        slow_callbacks.watch(config.environment)
    asyncio.run(_run(config, streams, secrets, sentinel))


async def _run(config: Config, streams: WireStreams, secrets: KnownSecrets, sentinel: Sentinel) -> None:
    now_ms = run_clock(config)
    network = _simulated_network(config, now_ms) if config.mock else _real_network(config)
    if config.mock_from is not None:
        from sidecar.recorder import setup

        network = _whatever_is_set(setup.recorded_mock(config.mock_from, config.mock_pace_ms))
    keys = saved = _saved_keys(config)
    recorder: Recorder | None = None
    if config.record is not None:
        from sidecar.recorder import setup

        recorder = setup.start_recorder(
            config,
            config.record,
            now_ms=now_ms(),
            schema_hash=SCHEMA_HASH,
            settings=DEFAULTS,
            known=secrets,
        )
        network = setup.recorded_network(network, recorder)
        keys = setup.WatchedKeys(saved, recorder)
    watchdog, parent = Watchdog(), Parent()
    streams.reader.when_ended(watchdog.input_ended)

    def beat() -> None:
        sentinel.beat()
        if parent.is_gone():
            # A child of the parent's may have inherited the pipe, which then does not end with it.
            streams.reader.end()

    watching = asyncio.create_task(watchdog.watch(beat))
    make_http = _http(network, secrets=secrets)
    try:
        await serve_client(
            config, streams, make_http, keys, now_ms, recorder, watchdog.ending, sentinel.signals
        )
    finally:
        watching.cancel()
        if isinstance(saved, SavedKeys):
            saved.close()
        if recorder is not None:
            await asyncio.to_thread(recorder.close)


@asynccontextmanager
async def serve_inside(
    config: Config, make_transport: Callable[[], Any] | None, saved_keys: Sequence[str]
) -> AsyncIterator[LoopbackClient]:
    """A sidecar inside this process, reached over pipes as by any client; retries wait for nothing.

    Without a transport the simulator is the network; without saved keys in a mock run, all keys are there.
    """
    now_ms = run_clock(config)
    network = _simulated_network(config, now_ms)
    if make_transport is not None:
        network = _whatever_is_set(make_transport)
    keys = MemoryKeys(dict.fromkeys(saved_keys, SIMULATED_KEY))
    if config.mock and not saved_keys:
        keys = _simulated_keys()
    near = LoopbackClient(config.max_message_bytes)
    make_http = _http(network, sleep=lambda seconds: asyncio.sleep(0))
    serving = asyncio.create_task(serve_client(config, near.streams, make_http, keys, now_ms))
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
    make_http: Callable[[Options], HttpClient],
    keys: KeyStore,
    now_ms: clock.Now,
    recorder: Recorder | None = None,
    on_ending: Callable[[], None] = lambda: None,
    signals: int | None = None,
) -> None:
    """Serves until the client is gone, and puts away all that was made for it. `signals` is as `rpc.server.serve`'s."""
    outbox = Outbox(on_leaving=None if recorder is None else recorder.sent)
    in_flight = InFlight()
    routes = build_routes()
    services = Container(config, make_http, keys, outbox, in_flight, now_ms)
    warming = asyncio.create_task(services.warm_up())
    if recorder is not None:
        # The first words that are written down may hold a key.
        await services.keys.ahead.known()

    def stopping() -> None:
        on_ending()
        services.stop_taking()

    async def put_away() -> None:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await services.close()

    await serve(
        routes,
        services,
        errors=ERRORS,
        streams=streams,
        max_message_bytes=config.max_message_bytes,
        grace_seconds=GRACE_SECONDS,
        on_stopping=stopping,
        on_signal=on_ending,
        signals=signals,
        explain=services.store.explain,
        on_stopped=put_away,
        notifier=outbox,
        in_flight=in_flight,
        on_arrival=None if recorder is None else recorder.arrived,
    )


def run_clock(config: Config) -> clock.Now:
    """The clock of this run: the real one, unless a run that is not real is told another day."""
    return clock.starting_on(config.mock_day) if config.mock_day else clock.now_ms


def _saved_keys(config: Config) -> KeyStore:
    if config.mock:
        return _simulated_keys()
    file_only = config.environment.get("ABAI_KEY_STORE") == "file"
    return SavedKeys(config.data_dir / "keys.json", file_only=file_only)


def _simulated_keys() -> EveryKey:
    asking = {facts.name: SIMULATED_KEY for facts in PROVIDERS}
    saved = asking | dict.fromkeys(ADMIN_KEY_VARIABLES, SIMULATED_ADMIN_KEY)
    return EveryKey(saved, everywhere=SIMULATED_KEY, admin=SIMULATED_ADMIN_KEY)


def _http(network: MakeNetwork, **how: Any) -> Callable[[Options], HttpClient]:
    """What opens the network, or what stands in its place, when somebody is to be called."""

    def make(options: Options) -> HttpClient:
        from sidecar.providers.kernel.http import HttpClient

        return HttpClient(lambda: network(options), **how)

    return make


def _real_network(config: Config) -> MakeNetwork:
    def make(options: Options) -> Any:
        from sidecar.providers.kernel.http import network

        return network(config.environment, options)

    return make


def _whatever_is_set(make_transport: Callable[[], Any]) -> MakeNetwork:
    """What stands in the network's place goes by no proxy."""
    return lambda options: make_transport()


def _simulated_network(config: Config, now_ms: clock.Now) -> MakeNetwork:
    """The simulator in place of the network: everything above it is what runs for real."""

    def make(options: Options) -> Any:
        from sidecar.simulator.core import DEFAULT_PACE_MS, Simulator
        from sidecar.simulator.transport import simulated_transport

        pace = DEFAULT_PACE_MS if config.mock_pace_ms is None else config.mock_pace_ms
        return simulated_transport(
            Simulator(pace_ms=pace, now_ms=now_ms, most_ledger_entries=MOCK_LEDGER_ENTRIES)
        )

    return make
