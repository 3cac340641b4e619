"""Searches that a vendor gives free of charge, a day or a month: counted here, for no answer says which were.

Whether the key has them is the person's to say (the setting `freeSearches`). What other programs search on the same
account is not known here. Source of the numbers: the catalogue.
"""

from __future__ import annotations

from datetime import date, timedelta

from sidecar.money.catalogue import Catalogue
from sidecar.money.model import PriceEntry
from sidecar.money.vendor_days import day_of, first_ms
from sidecar.settings import Settings
from sidecar.store import ledger_sums
from sidecar.store.store import Store


class Allowance:
    """What is left of one day or month. A request that is priced more than once takes no more than it searched."""

    def __init__(self, left: int) -> None:
        self._left = max(0, left)
        self._taken: dict[str, int] = {}

    def take(self, entry_id: str, searches: int) -> int:
        """Return how many of a request's searches are free."""
        before = self._taken.get(entry_id, 0)
        more = min(self._left, max(0, searches - before))
        if more:
            self._left -= more
            self._taken[entry_id] = before + more
        return min(before + more, searches)


class FreeSearchCounts:
    """The allowances of this process, each begun with what the ledger has of its day or month."""

    def __init__(self, store: Store, settings: Settings, catalogue: Catalogue) -> None:
        self._store = store
        self._settings = settings
        self._catalogue = catalogue
        self._allowances: dict[tuple[str, date], Allowance] = {}

    async def of(self, price: PriceEntry | None, at_ms: int) -> Allowance | None:
        """Return the allowance of a request begun then; None where there is none, or the key is not said to have it.

        Raise Failure("storage_error").
        """
        quota = None if price is None else price.free_searches
        if quota is None:
            return None
        if not (await self._settings.effective())["freeSearches"]:
            # What is searched meanwhile is taken from nothing, and counted when it is switched on.
            self.forget()
            return None
        day = day_of(at_ms, pacific=True)
        begins = day if quota.per == "day" else day.replace(day=1)
        # Rows of a batch may be read when the next month has begun: each month has a count of its own.
        known = self._allowances.get((quota.shared_by, begins))
        if known is not None:
            return known
        models = [
            model.full_id
            for model in self._catalogue.models
            if any(
                each.free_searches is not None and each.free_searches.shared_by == quota.shared_by
                for each in model.prices
            )
        ]
        ends = begins + timedelta(days=1) if quota.per == "day" else _next_month(begins)
        used = await self._store.read(
            ledger_sums.searches_between, first_ms(begins, pacific=True), first_ms(ends, pacific=True), models
        )
        # Another request may have read it meanwhile: there is one count.
        return self._allowances.setdefault((quota.shared_by, begins), Allowance(quota.count - used))

    def forget(self) -> None:
        """Have what was searched read anew: another database is in place."""
        self._allowances.clear()


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
