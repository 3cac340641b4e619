"""What each column of a table, or member of an object, is: a field of a row, data, or nothing (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sidecar.batch import template
from sidecar.batch.files.columns import (
    DEFUSED_MARK,
    OLDER_RESULT_COLUMNS,
    PLAIN_MARK,
    RESULT_COLUMNS,
    asked_by_template,
    make_row,
    says_nothing,
    unescaped,
)
from sidecar.batch.files.names import PROMPT_NAMES, field_of, is_name_of, is_option, squeezed
from sidecar.batch.files.options import ImportOptions

# In place of a field: the column is left out, or goes behind the prompt, as the input of an instruction does.
LEFT_OUT = ""
BEHIND_PROMPT = "+"
# What stands beside the prompts of a well-known set of questions, by the name of the prompt.
_ANSWERS = {
    "question": ("answer", "answers", "idealanswer", "expected"),
    "instruction": ("output", "response"),
}
PROMPTFOO_AROUND = ("__prefix", "__suffix")


@dataclass(frozen=True, slots=True)
class Column:
    """What one column is: `field` None is data under the name."""

    field: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table in their order, with what is to be said of them once.

    `missing` are columns that the person named and that are not there.
    `is_ours` is whether the table is an export whose formulas were defused. `verbatim` prompts are no templates
    unless the columns have what they ask for.
    """

    columns: tuple[Column, ...]
    remarks: tuple[str, ...]
    missing: tuple[str, ...]
    is_ours: bool
    verbatim: bool

    @property
    def fields(self) -> frozenset[str]:
        """The fields that some column fills."""
        return frozenset(each.field for each in self.columns if each.field)

    def row(self, values: Sequence[Any], data: Mapping[str, Any], options: ImportOptions) -> dict[str, Any]:
        """Return the row of these values, which are in the order of the columns. Raise BadRow.

        The model may be missing where `options` name some.
        """
        given: dict[str, Any] = {}
        named: dict[str, Any] = {}
        found: dict[str, Any] = {}
        behind = ""
        for column, value in zip(self.columns, values, strict=False):
            if column.field is None:
                found[column.name] = value
            elif column.field == BEHIND_PROMPT:
                behind = str(value or "")
            elif column.field != LEFT_OUT:
                named[column.name] = value
                if value is not None and not says_nothing(column.field, value):
                    given[column.field] = value
        found |= data
        if behind.strip() and isinstance(prompt := given.get("prompt"), str):
            given["prompt"] = f"{prompt}\n\n{behind}"
        if options.template is not None:
            around = [str(found.get(name) or "") for name in PROMPTFOO_AROUND]
            given["prompt"] = options.template.join(around) if any(around) else options.template
        texts = tuple(text for text in (given.get("prompt"), given.get("system")) if isinstance(text, str))
        found |= asked_by_template(texts, {**named, **found})
        prompt = given.get("prompt")
        if self.verbatim and found and isinstance(prompt, str) and template.missing((prompt,), found):
            given["prompt"] = template.escape(prompt)
        if options.models and not str(given.get("model") or "").strip():
            given["model"] = options.models[0]
        return make_row(given, found)


def layout_of(names: Sequence[str], options: ImportOptions, *, table: bool) -> Layout:
    """Return what the columns of these names are; `table` is whether they stand in the first row of one."""
    results, is_ours = _exported(names) if table else (0, False)
    own = names[: len(names) - results]
    # Among columns that were chosen, results may stand anywhere; data of their names was exported under others.
    is_export = len(own) < len(names)
    mapped, missing = _mapped(own, options.columns)
    exact = {field for name in own if (field := field_of(name)) and squeezed(name) == field.casefold()}
    fields = [
        LEFT_OUT if is_export and name in RESULT_COLUMNS else _field(index, name, mapped, exact)
        for index, name in enumerate(own)
    ]
    remarks: list[str] = []
    verbatim = False
    if options.template is not None:
        fields = [
            None if field == "prompt" and index not in mapped else field for index, field in enumerate(fields)
        ]
    elif "prompt" not in fields and (prompt := _likely_prompt(own, fields)) is not None:
        fields[prompt] = "prompt"
        called = squeezed(own[prompt])
        beside = [squeezed(name) for name in own]
        verbatim = any(name in beside for name in _ANSWERS.get(called, ()))
        if called == "instruction" and "input" in beside:
            verbatim = True
            fields[beside.index("input")] = BEHIND_PROMPT
        if not verbatim:
            remarks.append(
                f'There is no column "prompt"; the column "{own[prompt][:60]}" is read as the prompt.'
            )
    if elsewhere := [
        name for name, each in zip(own, fields, strict=True) if each is None and is_option(name)
    ]:
        listed = ", ".join(f'"{name[:40]}"' for name in elsewhere[:5])
        remarks.append(
            f"A row has no place for the options {listed}: they are data, and not sent as options."
        )
    columns = _named(own, fields, remarks, table=table)
    left_out = [Column(LEFT_OUT, name) for name in names[len(own) :]]
    return Layout((*columns, *left_out), tuple(remarks), missing, is_ours, verbatim)


def _exported(names: Sequence[str]) -> tuple[int, bool]:
    """How many columns at the end were added by an export of ours, and whether it defused formulas."""
    marked = next((index for index, name in enumerate(names) if name in (DEFUSED_MARK, PLAIN_MARK)), None)
    if marked is not None:
        return len(names) - marked, names[marked] == DEFUSED_MARK
    # Exports before there was a mark end with the results.
    for columns in (RESULT_COLUMNS, OLDER_RESULT_COLUMNS):
        if tuple(names[-len(columns) :]) == columns:
            return len(columns), True
    return 0, False


def _mapped(names: Sequence[str], wanted: Mapping[str, str]) -> tuple[dict[int, str], tuple[str, ...]]:
    """The fields that the person gave to columns, by the place of these; and the columns that are not there."""
    mapped: dict[int, str] = {}
    missing = []
    for field, name in wanted.items():
        places = [index for index, each in enumerate(names) if each == name] or [
            index
            for index, each in enumerate(names)
            if squeezed(each) == squeezed(name) or (not each.strip() and name == f"column_{index + 1}")
        ]
        if places:
            mapped[places[0]] = field
        else:
            missing.append(name)
    return mapped, tuple(missing)


def _field(index: int, name: str, mapped: Mapping[int, str], exact: set[str]) -> str | None:
    if index in mapped:
        return mapped[index]
    field = field_of(name)
    if field in mapped.values():
        return None
    # A near name gives way to the very name.
    return None if field in exact and squeezed(name) != str(field).casefold() else field


def _likely_prompt(names: Sequence[str], fields: Sequence[str | None]) -> int | None:
    free = {
        squeezed(name): index for index, name in reversed(list(enumerate(names))) if fields[index] is None
    }
    return next((free[name] for name in PROMPT_NAMES if name in free), None)


def _named(
    names: Sequence[str], fields: Sequence[str | None], remarks: list[str], *, table: bool
) -> list[Column]:
    """The columns with a name each; and remarks on names that are there twice."""
    columns: list[Column] = []
    taken: set[str] = set()
    there = set(names)
    # Of each name that is there again, the numbers that are still to be tried.
    numbers: dict[str, count[int]] = {}
    for position, (name, field) in enumerate(zip(names, fields, strict=True), start=1):
        called = unescaped(name) if table else name
        called = called if name.strip() or not table else f"column_{position}"
        if field == LEFT_OUT:
            columns.append(Column(field, called))
            continue
        if (
            field in taken
            and field is not None
            and not is_name_of(field, name)
            and f"data.{called}" not in taken
        ):
            remarks.append(f'The column "{name[:60]}" is data: another one is read as the {field}.')
            field = None
        if (field or f"data.{called}") in taken:
            base = name.strip()
            copy = next(
                other
                for n in numbers.setdefault(base, count(2))
                if (other := f"{base}_{n}") not in there and f"data.{other}" not in taken
            )
            remarks.append(
                f'There are two columns "{name[:60]}". The first is used; the other is read as "{copy[:60]}".'
            )
            field, called = None, copy
        taken.add(field or f"data.{called}")
        columns.append(Column(field, called if field is None else name))
    return columns
