"""Makes the services of one sidecar, each when it is first needed, and hands each what it needs.

What an app asks at its start (its projects, its models) needs few of them, and loading the others takes longer than
the answers do.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from sidecar import clock
from sidecar.config import Config
from sidecar.contract.settings import DEFAULTS
from sidecar.core import Core
from sidecar.current_project import CurrentProject
from sidecar.key_names import ADMIN_KEY_VARIABLES, provider_of
from sidecar.key_stores import KeyStore
from sidecar.keys import Keys
from sidecar.methods.client_news import ClientNews
from sidecar.methods.result_shapes import fitting_setting
from sidecar.money.catalogue_files import CatalogueFiles
from sidecar.network_options import NetworkOptions, Options
from sidecar.opening import DatabaseOpener
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.outbox import Outbox
from sidecar.settings import Settings
from sidecar.store.backups import Caretaker
from sidecar.store.store import Store
from sidecar.store.used_models import UsedModels

if TYPE_CHECKING:
    from sidecar.batch.local.engine import Engine
    from sidecar.batch.native.service import NativeBatches
    from sidecar.batch.submission import BatchSubmission
    from sidecar.chat.discovery import Discovery
    from sidecar.chat.prepare import RequestPreparer
    from sidecar.chat.service import ChatService
    from sidecar.checker.replies import ReplyChecker
    from sidecar.providers.kernel.http import HttpClient
    from sidecar.providers.registry import Registry


class ServiceMaker:
    """Made inside a running loop: the database begins to open."""

    def __init__(
        self,
        config: Config,
        make_http: Callable[[Options], HttpClient],
        key_store: KeyStore,
        outbox: Outbox,
        in_flight: InFlight,
        now_ms: clock.Now,
        make_store: Callable[..., Store] = Store,
    ) -> None:
        self.started_at = now_ms()
        self.config = config
        self.now_ms = now_ms
        self.catalogue_files = CatalogueFiles(
            config.data_dir, self._catalogue_changed, lambda: self.store.database(), self._resume_batches
        )
        self.catalogue = self.catalogue_files.catalogue
        self.open_database = DatabaseOpener(config, now_ms)
        self.database_file = self.open_database.file
        self.store = make_store(self.open_database, on_late_opening=self._resume_batches)
        self.caretaker = Caretaker(self.store, self.database_file, now_ms)
        self.settings = Settings(self.store, DEFAULTS, now_ms, fitting_setting)
        self.used_models = UsedModels(self.store)
        self.session = CurrentProject(self.store, self.new_id, now_ms)
        self._make_http = make_http
        self._key_store = key_store
        self._in_flight = in_flight
        self._stopping = False
        self._key_variables: dict[str, tuple[str, ...]] = {}
        self.news = ClientNews(outbox.notify)

    def new_id(self) -> str:
        return str(uuid.uuid4())

    def in_flight(self) -> int:
        """Requests that run now."""
        return self._in_flight.count

    @cached_property
    def http(self) -> HttpClient:
        return self._make_http(self._network_options)

    @cached_property
    def providers(self) -> Registry:
        from sidecar.providers.registry import Registry, own_rows

        # Base URLs of the environment point at real servers, which a mock run must not know.
        simulated = self.config.mock and self.config.mock_from is None
        environment = {} if simulated else self.config.environment
        return Registry(self.http, environment, own_rows(self.catalogue.providers))

    def _catalogue_changed(self) -> None:
        """Ask providers where the catalogue says from now on. What is not made yet will be made of it."""
        if self._has("providers"):
            from sidecar.providers.registry import own_rows

            self.providers.lay(own_rows(self.catalogue.providers))
            self._key_variables.update((row.name, row.key_variables) for row in self.providers.rows())

    @cached_property
    def keys(self) -> Keys:
        variables = {row.name: row.key_variables for row in self.providers.rows()}
        self._key_variables.update(variables | ADMIN_KEY_VARIABLES)
        return Keys(
            self._key_store,
            self.config.environment,
            self._key_variables,
            lambda name: name not in self.providers.names() or self.providers.needs_key(name),
            lambda name: self.providers.asks_vendor(provider_of(name)),
            learn=self.http.secrets.learn,
        )

    @cached_property
    def checker(self) -> ReplyChecker:
        from sidecar.checker.replies import ReplyChecker

        return ReplyChecker()

    @cached_property
    def core(self) -> Core:
        """What every part that asks models is handed. Making it makes the providers, so it is made late."""
        from sidecar.spending.dear_tiers import DearTiers
        from sidecar.spending.free_searches import FreeSearchCounts
        from sidecar.spending.intent import KeyMarks

        return Core(
            store=self.store,
            catalogue=self.catalogue,
            providers=self.providers,
            keys=self.keys,
            settings=self.settings,
            checker=self.checker,
            session=self.session,
            now_ms=self.now_ms,
            new_id=self.new_id,
            on_invalid_key=self.news.key_refused,
            free_searches=FreeSearchCounts(self.store, self.settings, self.catalogue),
            dear_tiers=DearTiers(self.store, self.now_ms),
            key_marks=KeyMarks(self.store),
            catalogue_whole=self.catalogue_files.whole,
        )

    def read_anew(self) -> None:
        """Another database is in place: nothing of the one before is to be remembered."""
        core = self.core
        for each in (self.settings, self.session, core.free_searches, core.dear_tiers, core.key_marks):
            each.forget()

    @cached_property
    def preparer(self) -> RequestPreparer:
        from sidecar.chat.prepare import RequestPreparer

        return RequestPreparer(self.core)

    @cached_property
    def chat(self) -> ChatService:
        from sidecar.chat.live_answers import LiveAnswers
        from sidecar.chat.service import ChatService

        return ChatService(self.core, LiveAnswers(self.news.answer_changed))

    @cached_property
    def discovery(self) -> Discovery:
        from sidecar.chat.discovery import Discovery

        return Discovery(self.catalogue_files, self.providers, self.keys, self.now_ms)

    @cached_property
    def intake(self) -> BatchSubmission:
        from sidecar.batch.submission import BatchSubmission

        return BatchSubmission(self.core)

    @cached_property
    def batches(self) -> Engine:
        """The local batches, which go on with what the last run left."""
        from sidecar.batch.local.engine import Engine
        from sidecar.batch.local.row_runner import RowRunner
        from sidecar.providers.kernel.limits import KeyLimiters

        runner = RowRunner(core=self.core, preparer=self.preparer, limiters=KeyLimiters(self.now_ms))
        engine = Engine(
            core=self.core,
            runner=runner,
            notify=self.news.batch_progress,
            notify_row=self.news.row_done,
            hand_over=lambda job_id: self.native.take_over(job_id),
        )
        if self._stopping:
            engine.stop_taking()
        if not self.config.read_only:
            engine.resumption.begin()
        return engine

    @cached_property
    def native(self) -> NativeBatches:
        """The batches at vendors, which are followed on from where the last run left them."""
        from sidecar.batch.native.service import NativeBatches

        native = NativeBatches(
            core=self.core,
            intake=self.intake,
            preparer=self.preparer,
            notify=self.news.batch_progress,
            notify_row=self.news.row_done,
            start_here=lambda job_id, *, canary, limits: self.batches.start(
                job_id, canary=canary, limits=limits
            ),
            poll_ms=self.config.batch_poll_ms,
        )
        if not self.config.read_only:
            native.resumption.begin()
        return native

    def _resume_batches(self) -> None:
        """The database could be opened after all, or the catalogue is whole again: what waited for it goes on."""
        if self.config.read_only:
            return
        if self._has("batches"):
            self.batches.resumption.begin()
        if self._has("native"):
            self.native.resumption.begin()

    async def _network_options(self) -> NetworkOptions:
        await self.keys.ahead.known()  # whoever answers may quote any of them
        values = await self.settings.effective()
        if values["proxy"]:
            self.http.secrets.learn_address(values["proxy"])
        return NetworkOptions(values["proxy"], values["caFile"])

    def _has(self, part: str) -> bool:
        return part in vars(self)
