"""What the parts that ask models, store answers and count money all stand on, handed to each as one thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidecar.clock import Now
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.keys import Keys
from sidecar.money.catalogue import Catalogue
from sidecar.settings import Settings
from sidecar.store.store import Store

if TYPE_CHECKING:
    from sidecar.checker.replies import ReplyChecker
    from sidecar.providers.by_name import Providers
    from sidecar.spending.dear_tiers import DearTiers
    from sidecar.spending.free_searches import FreeSearchCounts
    from sidecar.spending.intent import KeyMarks


async def _always() -> None:
    """The shipped catalogue is whole."""


@dataclass(frozen=True, slots=True)
class Core:
    """The shared parts of one sidecar. Tests make one of their own, with edges that they choose.

    `catalogue_whole` raises the Failure that says why nothing may be asked or priced, where that is so.
    `now_ms` gives ms since 1970, `new_id` a fresh id for anything that is stored. `on_invalid_key` is told the
    provider whose key its vendor refused.
    """

    store: Store
    catalogue: Catalogue
    providers: Providers
    keys: Keys
    settings: Settings
    checker: ReplyChecker
    session: CurrentProject
    now_ms: Now
    new_id: Callable[[], str]
    on_invalid_key: Callable[[str], None]
    free_searches: FreeSearchCounts
    dear_tiers: DearTiers
    key_marks: KeyMarks
    catalogue_whole: Callable[[], Awaitable[None]] = _always

    def key_refused(self, provider: str, failure: Failure) -> None:
        """A vendor has refused its key: tell that, and have the key read anew, which may have been replaced since."""
        self.keys.doubt(provider)
        self.tell_of_key(provider, failure)

    def tell_of_key(self, provider: str, failure: Failure) -> None:
        """Tell that a vendor has refused its key. One that only lacks a right for this works for other things."""
        if not failure.lacks_right:
            self.on_invalid_key(provider)
