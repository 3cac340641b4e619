"""The person's settings: what they saved, held in memory, over the defaults of schemas/settings.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sidecar.clock import Now
from sidecar.errors import Failure
from sidecar.store import settings as table
from sidecar.store.store import Store

Fits = Callable[[str, Any], bool]

UNFIT = (
    "What is saved as the setting {name} cannot be: another program has written it. Nothing is asked until you save "
    "this setting again, since a default in its place might cost more."
)


class Settings:
    """Reads come from memory: the renderer asks three times around every row of a batch."""

    def __init__(
        self, store: Store, defaults: Mapping[str, Any], now_ms: Now, fits: Fits = lambda name, value: True
    ) -> None:
        self._store = store
        self._fits = fits
        self._now_ms = now_ms
        self.defaults = MappingProxyType(dict(defaults))
        self._saved: dict[str, Any] | None = None
        self._written: dict[str, Any] = {}
        self._unfit: set[str] = set()

    async def saved(self) -> Mapping[str, Any]:
        """Only what the person saved. Settings of a newer version that we do not know are left out.

        Raises Failure for one that cannot be: what it was, a limit say, nobody knows, and the default may cost more.
        """
        found = await self._read()
        for name in sorted(self._unfit):
            raise Failure("storage_error", UNFIT.format(name=name))
        return found

    async def effective(self) -> dict[str, Any]:
        """Every setting with its value. Raises Failure as `saved` does."""
        return {**self.defaults, **await self.saved()}

    async def shown(self) -> dict[str, Any]:
        """Every setting with its value, or its default where what is saved cannot be."""
        saved = await self._read()
        return {**self.defaults, **{name: value for name, value in saved.items() if name not in self._unfit}}

    async def _read(self) -> dict[str, Any]:
        if self._saved is None:
            rows = await self._store.read(table.load_all)
            # What was saved while we read is newer than what we read.
            known = {name: json.loads(text) for name, text in rows.items() if name in self.defaults}
            self._saved = known | self._written
            self._unfit = {name for name, value in self._saved.items() if not self._fits(name, value)}
        return self._saved

    async def save(self, name: str, value: Any) -> None:
        """Keeps a value that was checked by the caller. Raises Failure("storage_error")."""
        await self._store.write(table.save, name, json.dumps(value), self._now_ms())
        # At once, and nothing is read here: of saves at once, each that waited would put its own value back.
        self._written[name] = value
        self._unfit.discard(name)
        if self._saved is not None:
            self._saved = {**self._saved, name: value}

    def forget(self) -> None:
        """Another database is in place: what it says is read anew."""
        self._saved = None
        self._written = {}
