"""Which models a data folder asks, or is to ask: a front end prices what it pays by the name that it pays under."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sidecar.errors import Failure
from sidecar.store import kv, ledger_lists
from sidecar.store.columns import from_json, to_json
from sidecar.store.store import Store

_SUBMITTED = "models.submitted"

# A database that is still being brought up to date keeps nobody waiting for a list of models.
OPEN_SECONDS = 0.3


class UsedModels:
    """Looks into the ledger for what is new there since it last looked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = 0
        self._names = frozenset[str]()

    async def names(self) -> frozenset[str]:
        """Return the names as `provider/id`; those known so far where the database cannot be asked."""
        try:
            database = await self._store.opened_within(OPEN_SECONDS)
            if database is not None:
                last, names = await database.read(_models_after, self._seen)
                # A backup that was put in place begins at an earlier row: what was used in between stays known.
                if names - self._names:
                    self._names |= names
                self._seen = last
        except Failure:  # every call that needs the database tells why
            pass
        return self._names


def keep_submitted(conn: sqlite3.Connection, names: Iterable[str | None]) -> None:
    """Keep the names of models that rows of a batch are going to ask, as `provider/id`: they are in no ledger yet."""
    known = _submitted(conn)
    every = known | {name for name in names if name}
    if every != known:
        kv.put(conn, _SUBMITTED, to_json(sorted(every)))


def _submitted(conn: sqlite3.Connection) -> frozenset[str]:
    return frozenset(from_json(kv.get(conn, _SUBMITTED) or "[]"))


def _models_after(conn: sqlite3.Connection, row: int) -> tuple[int, frozenset[str]]:
    last, asked = ledger_lists.models_after(conn, row)
    return last, asked | _submitted(conn)
