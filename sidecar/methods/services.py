"""What every method can reach; made once by app.py."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from sidecar.batch.engine import Engine
from sidecar.batch.native import NativeBatches
from sidecar.batch.submit import Intake
from sidecar.chat.service import ChatService
from sidecar.clock import Now
from sidecar.config import Config
from sidecar.keys import Keys
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import Providers
from sidecar.rpc.call import Call
from sidecar.session import Session
from sidecar.settings import Settings
from sidecar.store.database import Database
from sidecar.store.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running sidecar. `in_flight` counts the requests that run now; `started_at` is in ms.

    `open_database` opens the file of the data folder, as the start did: for whoever closed it.
    """

    config: Config
    store: Store
    open_database: Callable[[], Coroutine[Any, Any, Database]]
    catalogue: Catalogue
    keys: Keys
    settings: Settings
    session: Session
    chat: ChatService
    batches: Engine
    native: NativeBatches
    intake: Intake
    providers: Providers
    provider_names: tuple[str, ...]
    new_id: Callable[[], str]
    now_ms: Now
    started_at: int
    in_flight: Callable[[], int]


Request = Call[Services]
