"""What every method can reach. Made by service_maker.py, each part when it is first used."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sidecar.clock import Now
from sidecar.config import Config
from sidecar.current_project import CurrentProject
from sidecar.keys import Keys
from sidecar.methods.client_news import ClientNews
from sidecar.money.catalogue import Catalogue
from sidecar.money.catalogue_files import CatalogueFiles
from sidecar.rpc.call import Call
from sidecar.settings import Settings
from sidecar.store.backups import Caretaker
from sidecar.store.store import Store
from sidecar.store.used_models import UsedModels

if TYPE_CHECKING:
    from sidecar.batch.local.engine import Engine
    from sidecar.batch.native.service import NativeBatches
    from sidecar.batch.submission import BatchSubmission
    from sidecar.chat.discovery import Discovery
    from sidecar.chat.service import ChatService
    from sidecar.providers.by_name import Providers
    from sidecar.store.database import Database


class Services(Protocol):
    """The parts of a running sidecar. `started_at` is in ms."""

    config: Config
    store: Store
    catalogue: Catalogue
    catalogue_files: CatalogueFiles
    used_models: UsedModels
    settings: Settings
    session: CurrentProject
    now_ms: Now
    started_at: int
    caretaker: Caretaker
    news: ClientNews

    @property
    def database_file(self) -> Path: ...

    @property
    def keys(self) -> Keys: ...

    def read_anew(self) -> None: ...

    @property
    def chat(self) -> ChatService: ...

    @property
    def discovery(self) -> Discovery: ...

    @property
    def intake(self) -> BatchSubmission: ...

    @property
    def batches(self) -> Engine: ...

    @property
    def native(self) -> NativeBatches: ...

    @property
    def providers(self) -> Providers: ...

    def new_id(self) -> str: ...

    def in_flight(self) -> int:
        """Requests that run now."""

    def open_database(self) -> Coroutine[Any, Any, Database]:
        """Opens the file of the data folder, as the start did: for whoever closed it."""

    async def resumed_jobs(self) -> tuple[str, ...]:
        """The batches that go on by themselves since the start."""


Request = Call[Services]
