"""Which models a key can use, as their provider lists them, and asking one that the catalogue lacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from sidecar.chat.prepare import missing_key
from sidecar.clock import Now
from sidecar.errors import Failure
from sidecar.keys import Keys
from sidecar.money.catalogue_files import CatalogueFiles
from sidecar.providers.base import ListedModel, ListsModels

log = logging.getLogger("sidecar.chat")

# A list is good for so long where only a name is looked for; nobody waits longer than this for it.
FRESH_MS = 60_000
LOOK_SECONDS = 10.0


class ProviderRows(Protocol):
    """The providers of this run, and servers that are none of them yet."""

    def get(self, name: str, base_url: str | None = None) -> ListsModels: ...

    def visitor(self, name: str, base_url: str) -> ListsModels: ...

    def needs_key(self, name: str) -> bool: ...


class Discovery:
    """Asks providers for their models, and keeps what was asked of those that the catalogue lacks."""

    def __init__(self, files: CatalogueFiles, providers: ProviderRows, keys: Keys, now_ms: Now) -> None:
        self._files = files
        self._catalogue = files.catalogue
        self._providers = providers
        self._keys = keys
        self._now_ms = now_ms
        self._lists: dict[str, tuple[int, tuple[ListedModel, ...]]] = {}
        self._visited: dict[str, tuple[ListedModel, ...]] = {}

    async def discover(self, provider: str) -> tuple[ListedModel, ...]:
        """Return what the provider lists for its key. Raises Failure: no such provider, no key, no list."""
        listing = self._providers.get(provider)
        if await self._keys.get(provider) is None and self._providers.needs_key(provider):
            raise Failure("missing_api_key", missing_key(provider), provider=provider)
        found = await self._keys.ask(provider, listing.list_models)
        self._lists[provider] = (self._now_ms(), found)
        return found

    async def visit(self, name: str, base_url: str) -> tuple[ListedModel, ...]:
        """Return what a server lists that is no provider yet. It is asked without any key. Raises Failure."""
        found = await self._providers.visitor(name, base_url).list_models("")
        self._visited[name] = found
        return found

    def last_listed(self, provider: str, model_id: str) -> ListedModel:
        """Return what the provider said of the model when it was last asked; nothing but its id where it said none."""
        known = self._lists[provider][1] if provider in self._lists else self._visited.get(provider, ())
        return next((model for model in known if model.id == model_id), ListedModel(model_id))

    async def learn(self, names: Iterable[str]) -> None:
        """Make `provider/id` askable where the provider lists that model. A provider that does not answer adds nothing.

        What the catalogue knows is not looked for, and nothing is asked then.
        """
        unknown: dict[str, set[str]] = {}
        for name in names:
            provider, slash, id_ = name.partition("/")
            if slash and id_ and not self._catalogue.names.knows(name):
                unknown.setdefault(provider, set()).add(id_)
        for provider, ids in unknown.items():
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    listed = await self._recent(provider)
                await self._files.remember(provider, [model for model in listed if model.id in ids])
            except (Failure, TimeoutError) as error:
                log.info("whether %s lists what was asked is not known: %s", provider, error)

    async def _recent(self, provider: str) -> tuple[ListedModel, ...]:
        known = self._lists.get(provider)
        if known is not None and self._now_ms() - known[0] < FRESH_MS:
            return known[1]
        return await self.discover(provider)
