"""Objects as rows: of any shape that is known, of any names that can be read, one at a time (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sidecar.batch.files import json_tables, objects, seen, shapes
from sidecar.batch.files.broken_json import with_next_step
from sidecar.batch.files.columns import EMPTY, BadRow, from_object
from sidecar.batch.files.encodings import TextEncoding
from sidecar.batch.files.layout import Layout, layout_of
from sidecar.batch.files.numbers import as_value, read_spelled
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.row_errors import Read, RowError
from sidecar.batch.files.seen import SAMPLES, Seen
from sidecar.json_stream import BrokenJson

_MOST_LAYOUTS = 1_000


def object_rows(
    found: Iterator[tuple[int, Any]], encoding: TextEncoding, options: ImportOptions, *, columns: bool = False
) -> Iterator[Read]:
    """Yield what each object gives, by its number, and last what was seen of them.

    `columns` is whether the names of members are those of a table's columns.
    """
    number = 0
    reader = _ObjectReader(options, columns)
    samples: list[Mapping[str, Any]] = []
    try:
        for number, value in json_tables.with_header(found, header=options.header):
            value = json_tables.unwrapped(_read_once_more(value))
            if isinstance(value, Mapping | str) and len(samples) < SAMPLES:
                samples.append(_as_asked(value))
            if isinstance(value, objects.Unreadable):
                yield number, RowError(with_next_step(value.message))
            else:
                yield number, reader.row(value)
            while reader.remarks:
                yield 0, RowError(reader.remarks.pop(0))
    except BrokenJson as error:
        yield number and number + 1, RowError(with_next_step(str(error)))
    with suppress(RecursionError):
        names, values = seen.members([as_value(sample) for sample in samples])
        if names:
            yield 0, Seen(names, values, False, encoding.name)


def _read_once_more(value: Any) -> Any:
    """The row that a text holds which was written as JSON twice; anything else, and a prompt in JSON, as it is."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError, BadRow, RecursionError):
            found = read_spelled(value)
            if json_tables.names_prompt(list(found)) or shapes.shaped(found) is not None:
                return found
    return value


def _no_prompt(value: Mapping[str, Any]) -> str:
    """What is said of an object in which nothing is called a prompt."""
    variables = value.get("vars")
    if isinstance(variables, Mapping) and variables:
        return (
            "This is a test of promptfoo, whose question stands in another file. Give the question as a template, such "
            f"as one with {{{{{next(iter(variables))[:40]}}}}}."
        )
    names = ", ".join(f'"{name[:40]}"' for name in list(value)[:10]) or "nothing"
    return f"There is no prompt in this row. It has {names}: say which is the prompt, or give it that name."


def _as_asked(value: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """An object as it is looked at: by the fields that its question gives, where it has a well-known shape."""
    if isinstance(value, str):
        return {"prompt": value}
    with suppress(BadRow, RecursionError):
        fields, data = shapes.shaped(value) or ({}, {})
        if fields.get("prompt"):
            return {name: each for name, each in {**data, **fields}.items() if each is not None}
    return value


class _ObjectReader:
    """Rows from objects; of each set of names the layout is worked out once. `remarks` are still to be told."""

    def __init__(self, options: ImportOptions, columns: bool) -> None:
        self._columns = columns
        self._options = options
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._told_turns = self._told_left_out = False
        self.remarks: list[str] = []

    def row(self, value: Any) -> dict[str, Any] | RowError:
        options = self._options
        try:
            if isinstance(value, str):
                value = {"prompt": value}
            if (
                isinstance(value, dict)
                and not options.columns
                and (known := shapes.shaped(value)) is not None
            ):
                fields, data = known
                self._remark_turns(value)
                self._remark_left_out(value)
                return self._layout(tuple(fields)).row(list(fields.values()), data, options)
            members, data = from_object(value)
            return self._layout(tuple(members)).row(list(members.values()), data, options)
        except RecursionError:
            return RowError("This row is nested too deep to be read. Give its data with fewer levels.")
        except BadRow as error:
            told = str(error)
            if told == EMPTY and isinstance(value, dict) and not json_tables.names_prompt(list(value)):
                told = _no_prompt(value)
            return RowError(told, as_value(value) if isinstance(value, dict) else None)

    def _remark_turns(self, value: dict[str, Any]) -> None:
        if not self._told_turns and len(shapes.turns_of(value)) > 1:
            self._told_turns = True
            self.remarks.append(
                "Some rows have several turns, and a row asks one question: the first is asked, the others are data."
            )

    def _remark_left_out(self, value: dict[str, Any]) -> None:
        if not self._told_left_out and (names := shapes.left_out(value)):
            self._told_left_out = True
            listed = ", ".join(f'"{name[:40]}"' for name in names[:5])
            self.remarks.append(f"What a row has no place for is left out: {listed}.")

    def _layout(self, names: tuple[str, ...]) -> Layout:
        layout = self._layouts.get(names)
        if layout is None:
            layout = layout_of(names, self._options, table=self._columns)
            if len(self._layouts) < _MOST_LAYOUTS:
                self._layouts[names] = layout
                if len(self._layouts) == 1:
                    self.remarks += layout.remarks
        if layout.missing:
            raise BadRow(
                f'There is no "{layout.missing[0][:60]}" in this row. Fill it in, or leave the row out.'
            )
        return layout
