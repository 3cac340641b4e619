"""The walk through a list that a vendor gives in pages, each of which says where the next one begins."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import quote

from sidecar.errors import Failure
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.json_values import as_mapping

# A million batches, or thirty years of a bill by its days; and nobody has so many pages with nothing on them.
MOST_PAGES, MOST_EMPTY = 10_000, 100


class Pages:
    """Where the walk is. `parameter` is what the vendor calls the beginning of a page in its address.

    `endless` makes the failure for a list that does not go on: it proves nothing of what was not seen.
    """

    def __init__(self, path: str, parameter: str, endless: Callable[[], Failure]) -> None:
        self._first = path
        self._parameter = parameter
        self.endless = endless
        self._seen = set[str]()
        self.path = path

    def turn_to(self, beginning: object) -> None:
        """Make `path` that of the page that begins there. Raises Failure for none, one seen before, or one too many."""
        if not isinstance(beginning, str) or not beginning or beginning in self._seen:
            raise self.endless()
        if len(self._seen) == MOST_PAGES:
            raise self.endless()
        self._seen.add(beginning)
        joint = "&" if "?" in self._first else "?"
        self.path = f"{self._first}{joint}{self._parameter}={quote(beginning, safe='')}"


Beginning = Callable[[Mapping[str, Any], list[Mapping[str, Any]]], object]
"""A page and its rows -> where the next page begins."""


def behind_last(page: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> object:
    """Return the `id` of the last row, behind which the next page begins."""
    return rows[-1].get("id") if rows else None


def named_by_page(page: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> object:
    """Return where the page itself says that the next one begins."""
    return page.get("next_page")


async def listed(
    api: VendorClient, path: str, parameter: str, key: str, what: str, beginning: Beginning = behind_last
) -> AsyncGenerator[list[Mapping[str, Any]], None]:
    """Yield the pages of a list of `what`, which goes on for as long as it says `has_more`.

    Raises Failure for what is no list, and for a list without an end.
    """
    title = api.vendor.title
    pages = Pages(path, parameter, lambda: api.failure(f"{title}'s list of {what} has no end. Try again."))
    empty = 0
    while True:
        page = await api.json("GET", pages.path, api.asked(key))
        if not isinstance(page.get("data"), list):
            raise api.failure(f"{title} did not list its {what}. Try again.")
        rows = [as_mapping(row) for row in page["data"]]
        yield rows
        if not page.get("has_more"):
            return
        empty = 0 if rows else empty + 1
        if empty >= MOST_EMPTY:
            raise pages.endless()
        pages.turn_to(beginning(page, rows))
