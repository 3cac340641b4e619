"""Service tiers and speeds dearer than the listed price, in which a vendor has run what it was asked of late.

A project or a workspace at the vendor may be set to one for all that its keys ask. Nothing that is sent says so; the
answers do. What is told and held back next is by it, for as long as it is remembered, also after a restart.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from sidecar.clock import Now
from sidecar.errors import Failure
from sidecar.money.model import PriceEntry
from sidecar.money.pricing import dear_words
from sidecar.providers.base import Usage
from sidecar.store import kv
from sidecar.store.store import Store

_PLACE = "dearTiers"
# Somebody who has set the project back has the listed price again after so long.
REMEMBERED_MS = 7 * 86_400_000
# Each answer of a busy day tells it: written down is that it was told in this hour.
_FRESH_MS = 3_600_000


class DearTiers:
    """What was told, by provider and word, with the time (ms) of the last answer that told it."""

    def __init__(self, store: Store, now_ms: Now) -> None:
        self._store = store
        self._now_ms = now_ms
        self._told: dict[str, dict[str, int]] | None = None
        self._unwritten: dict[str, dict[str, int]] = {}

    async def of(self, provider: str) -> tuple[str, ...]:
        """Return the words of a provider, in the catalogue's spelling; none where they cannot be read."""
        if self._told is None or self._unwritten:
            with suppress(Failure):
                told = self._told = await self._read() if self._told is None else self._told
                new, self._unwritten = self._unwritten, {}
                for name, words in new.items():
                    told.setdefault(name, {}).update(words)
                if new:
                    await self._store.write(kv.put, _PLACE, json.dumps(told))
        since = self._now_ms() - REMEMBERED_MS
        return tuple(sorted(word for word, at in (self._told or {}).get(provider, {}).items() if at >= since))

    def take(self, provider: str, usage: Usage, price: PriceEntry | None) -> None:
        """Take note of what an answer told. It is written down before the next one is asked."""
        now = self._now_ms()
        for word in () if price is None else dear_words(usage, price):
            if (self._told or {}).get(provider, {}).get(word, 0) < now - _FRESH_MS:
                self._unwritten.setdefault(provider, {})[word] = now

    def forget(self) -> None:
        """Another database is in place."""
        self._told, self._unwritten = None, {}

    async def _read(self) -> dict[str, dict[str, int]]:
        kept = await self._store.read(kv.get, _PLACE)
        found: Any = None
        with suppress(ValueError):
            found = json.loads(kept or "{}")
        # Another program may have written anything.
        return {
            name: {word: at for word, at in words.items() if type(at) is int}
            for name, words in (found if isinstance(found, dict) else {}).items()
            if isinstance(words, dict)
        }
