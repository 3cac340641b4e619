"""The walk through a list that a vendor gives in pages, each of which says where the next one begins (pure)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from sidecar.errors import Failure


class Pages:
    """Where the walk is. `parameter` is what the vendor calls the beginning of a page in its address.

    `endless` makes the failure for a list that does not go on: it proves nothing of what was not seen.
    """

    def __init__(self, path: str, parameter: str, endless: Callable[[], Failure]) -> None:
        self._first = path
        self._parameter = parameter
        self._endless = endless
        self._seen = set[str]()
        self.path = path

    def turn_to(self, beginning: object) -> None:
        """Make `path` that of the page that begins there. Raises Failure for no beginning, or one that was seen."""
        if not isinstance(beginning, str) or not beginning or beginning in self._seen:
            raise self._endless()
        self._seen.add(beginning)
        self.path = f"{self._first}&{self._parameter}={quote(beginning, safe='')}"
