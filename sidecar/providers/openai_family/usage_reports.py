"""The usage of one answer, from wherever its chunks report it, as often as they do (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping
from sidecar.providers.kernel.token_counts import grown


class UsageReports:
    """Gathers the reports of one answer: counts only grow, so the largest of each holds."""

    def __init__(self) -> None:
        self._so_far: dict[str, Any] = {}

    def take(self, chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return all that is reported so far; None where this chunk reports nothing."""
        found = list(_reports(chunk))
        for report in found:
            self._so_far = grown(self._so_far, report)
        return self._so_far if found else None


def _reports(chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the usage of the chunk, of a choice in it, and of a vendor's own member beside them (`x_…`)."""
    places = [
        chunk,
        *map(as_mapping, as_list(chunk.get("choices"))),
        *(as_mapping(value) for name, value in chunk.items() if name.startswith("x_")),
    ]
    for place in places:
        if isinstance(place.get("usage"), Mapping):
            yield place["usage"]
