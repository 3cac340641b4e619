"""Rows that stand deeper in a document than in its list: in answers of interfaces, splits and envelopes (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.batch.files.names import field_of

# GraphQL's {"data": {"prompts": {"edges": [{"node": …}]}}} has three.
_DEEPEST = 6
# By these names a list is one of rows, and what stands beside it is not.
_ROWS = ("rows", "data", "items", "records", "prompts", "examples", "requests", "tests", "results")
# What is asked in a vendor's words, or by a test of another program, is read as that.
_SHAPES = frozenset(
    {
        *("body", "params", "request", "modelInput", "batch_request", "vars", "turns"),
        *("messages", "contents", "conversations"),
    }
)


def rows_in(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the rows in the lists of a document that are the least deep; None where there are none.

    A list of its own by a usual name is not looked for here: it may be too long to be held.
    """
    if any(isinstance(document.get(name), list) for name in _ROWS):
        return None
    level: list[Mapping[str, Any]] = [document]
    for _ in range(_DEEPEST):
        lists = {
            name: each
            for held in level
            for name, each in held.items()
            if isinstance(each, list) and _are_rows(each)
        }
        if lists:
            usual = [each for name, each in lists.items() if name in _ROWS]
            return [row for each in usual or lists.values() for row in each]
        level = [
            each
            for held in level
            for each in held.values()
            if isinstance(each, Mapping) and not _is_row(each) and _SHAPES.isdisjoint(each)
        ]
    return None


def rows_of(value: Any) -> list[Any] | None:
    """Return the rows of an element that is a list of them, or that holds nothing else; None for any other."""
    if isinstance(value, list):
        return value if _are_rows(value) else None
    if isinstance(value, Mapping) and len(value) == 1:
        (inside,) = value.values()
        return inside if isinstance(inside, list) and _are_rows(inside) else None
    return None


def without_envelope(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the row that a record is put around, with what stands beside it; the record itself where it is none."""
    if _is_row(record) or not _SHAPES.isdisjoint(record):
        return record
    inside = [name for name, each in record.items() if isinstance(each, Mapping) and _is_row(each)]
    if len(inside) != 1:
        return record
    beside = {name: each for name, each in record.items() if name != inside[0] and each is not None}
    return {**beside, **record[inside[0]]}


def _are_rows(value: list[Any]) -> bool:
    first = value[0] if value and all(isinstance(each, Mapping) for each in value) else {}
    return _is_row(without_envelope(first))


def _is_row(value: Mapping[str, Any]) -> bool:
    """Whether a name says that here is a prompt: what is only likely to be one is a member of other things too."""
    return any(isinstance(each, str) and field_of(name) == "prompt" for name, each in value.items())
