"""Tables as programs write them into JSON: columns beside each other, rows as lists, rows inside envelopes (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

from sidecar.batch.files import deeper, no_rows
from sidecar.batch.files.names import PROMPT_NAMES, field_of, squeezed
from sidecar.batch.files.numbers import read_spelled

# The member in which a record of another program has what is a row here, and what must stand beside it.
ENVELOPES = (
    ("row", "row_idx"),
    ("inputs", "outputs"),
    ("fields", "createdTime"),
    *(("input", wanted) for wanted in ("expectedOutput", "expected_output", "expected", "preferred_output")),
)
# What such programs note for themselves.
_NOTES = frozenset({"row_idx", "truncated_cells", "createdTime"})

# Members in which a service hands out rows as a text.
_TEXTS = (
    "rows",
    "data",
    "items",
    "records",
    "prompts",
    "results",
    "content",
    "body",
    "output",
    "result",
    "text",
)
# What a request of a vendor's asks with.
_ASKED = frozenset({"contents", "messages"})


def names_prompt(names: Sequence[Any]) -> bool:
    """Whether some name is that of a prompt, or is likely to be."""
    return any(
        isinstance(name, str) and (field_of(name) == "prompt" or squeezed(name) in PROMPT_NAMES)
        for name in names
    )


def unfolded(document: Any) -> list[Any] | None:
    """Return the rows of a document that is a table in another order than row by row, None where it is none.

    Known are pandas' `split`, `columns` and `index`, columns that are lists, and names with lists of cells, also as
    the interface of Google Sheets hands out a range: {"range", "majorDimension", "values": [names, cells, …]}.
    """
    if not isinstance(document, Mapping) or not document or no_rows.is_error(document.keys()):
        return None
    if (written := _written_once_more(document)) is not None:
        return written
    if all(isinstance(each, Mapping) and no_rows.is_result(each, named=True) for each in document.values()):
        return [{"custom_id": name, **each} for name, each in document.items()]
    if requests := _requests_inside(document):
        return requests
    names, cells = document.get("columns"), document.get("data", document.get("rows"))
    if (
        isinstance(names, list)
        and _are_texts(names)
        and isinstance(cells, list)
        and all(isinstance(each, list) for each in cells)
    ):
        return [dict(zip(names, each, strict=False)) for each in cells]
    lists = document.get("values")
    if isinstance(lists, list) and lists and all(isinstance(each, list) for each in lists):
        if document.get("majorDimension") == "COLUMNS":
            lists = list(zip_longest(*lists, fillvalue=""))
        if _are_texts(list(lists[0])) and names_prompt(lists[0]):
            return [dict(zip(lists[0], each, strict=False)) for each in lists[1:]]
    values = list(document.values())
    if any(isinstance(each, Mapping) and not _ASKED.isdisjoint(each) for each in values):
        return None  # a line of a vendor's batch
    if names_prompt(list(document)):
        if all(map(_are_plain, values)) and len({len(each) for each in values}) == 1:
            return [dict(zip(document, each, strict=True)) for each in zip(*values, strict=True)]
        if all(isinstance(each, Mapping) and each.keys() == values[0].keys() for each in values):
            return [{name: document[name][place] for name in document} for place in values[0]]
        return None
    if (inside := deeper.rows_in(document)) is not None:
        return inside
    if all(isinstance(each, Mapping) and names_prompt(list(each)) for each in values):
        return [{"id": name, **each} for name, each in document.items()]
    return None


def _written_once_more(document: Mapping[str, Any]) -> list[Any] | None:
    """The list of rows that stands in an object as a text of JSON."""
    for name in _TEXTS:
        text = document.get(name)
        if isinstance(text, str) and text.lstrip()[:1] == "[":
            with suppress(ValueError, RecursionError):
                rows = read_spelled(text)
                if isinstance(rows, list) and rows and all(isinstance(row, dict | str) for row in rows):
                    return rows
    return None


def _requests_inside(document: Mapping[str, Any]) -> list[Any]:
    """The requests of a batch of Gemini's that was written down as it is sent, each with its key."""
    inside: Any = document
    for names in (("batch",), ("inputConfig", "input_config"), ("requests",), ("requests",)):
        told: Mapping[str, Any] = inside if isinstance(inside, Mapping) else {}
        inside = told.get(next(filter(told.__contains__, names), ""))
    requests = [each for each in inside if isinstance(each, Mapping)] if isinstance(inside, list) else []
    keys = [each.get("metadata") for each in requests]
    return [
        {**(key if isinstance(key, Mapping) else {}), **each}
        for key, each in zip(keys, requests, strict=True)
    ]


def unwrapped(record: Any) -> Any:
    """Return what a record of another program says of a row, without its envelope; what stands beside it stays."""
    if isinstance(record, Mapping):
        for inside, beside in ENVELOPES:
            if isinstance(record.get(inside), Mapping) and beside in record:
                more = record[beside]
                told = {
                    name: value
                    for name, value in record.items()
                    if name != inside and name not in _NOTES and value is not None
                }
                if isinstance(more, Mapping):
                    told = {name: value for name, value in told.items() if name != beside} | dict(more)
                return {**told, **record[inside]}
        return deeper.without_envelope(record)
    return record


def with_header(found: Iterator[tuple[int, Any]], *, header: bool) -> Iterator[tuple[int, Any]]:
    """Yield the rows by name where they come as lists, and the first of these names a prompt.

    Without a `header` their names are column_1 and so on.
    """
    names: Sequence[str] | None = None
    more = 0
    for number, value in found:
        number += more
        if (rows := deeper.rows_of(value)) is not None:
            # Several rows stand in the place of one.
            more += len(rows) - 1
            yield from enumerate(rows, start=number)
        elif not isinstance(value, list):
            yield number, value
        elif not header:
            yield number, {f"column_{place}": cell for place, cell in enumerate(value, start=1)}
        elif names is None and _are_texts(value) and names_prompt(value):
            names = value
        elif names is None:
            yield number, value
        else:
            yield number - 1, dict(zip(names, value, strict=False))


def _are_plain(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and not any(isinstance(each, dict | list) for each in value)
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
