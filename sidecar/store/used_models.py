"""Which models a data folder has asked for: a front end prices what it has paid by the name that it paid under."""

from __future__ import annotations

from sidecar.errors import Failure
from sidecar.store import ledger_lists
from sidecar.store.store import Store

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
                last, names = await database.read(ledger_lists.models_after, self._seen)
                # A backup that was put in place begins at an earlier row: what was used in between stays known.
                self._seen, self._names = last, self._names | names
        except Failure:  # every call that needs the database tells why
            pass
        return self._names
