"""The usage of one answer, from wherever its chunks report it, as often as they do (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping


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


def grown(before: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    """Return both reports as one. A count that is none (null) says nothing, one below 0 that nothing can be right."""
    whole = dict(before)
    for name, value in report.items():
        old = whole.get(name)
        if isinstance(value, Mapping):
            whole[name] = grown(as_mapping(old), value)
        elif value is None:
            whole.setdefault(name, None)
        elif _is_number(value) and _is_number(old):
            whole[name] = min(old, value) if min(old, value) < 0 else max(old, value)
        else:
            whole[name] = value
    return whole


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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
