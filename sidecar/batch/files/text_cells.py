"""Rows of a table whose cells are all text, with what does not depend on the row worked out once (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sidecar.batch.files.columns import TEXT_VALUES, BadRow
from sidecar.batch.files.layout import BEHIND_PROMPT, PROMPTFOO_AROUND, Layout
from sidecar.batch.files.names import ROW_FIELDS, field_of
from sidecar.batch.files.options import ImportOptions


class CellRows:
    """Gives the rows that `Layout.row` gives, in a third of its time where a table has nothing special."""

    def __init__(self, layout: Layout, options: ImportOptions) -> None:
        places = {each.field: index for index, each in enumerate(layout.columns) if each.field}
        self._layout = layout
        self._options = options
        self._model = options.models[0] if options.models else None
        self._fields = [(places[name], name, TEXT_VALUES.get(name)) for name in ROW_FIELDS if name in places]
        self._data = [(index, each.name) for index, each in enumerate(layout.columns) if each.field is None]
        names = {name for _, name in self._data}
        self._special = BEHIND_PROMPT in places or (
            options.template is not None and not names.isdisjoint(PROMPTFOO_AROUND)
        )
        # Where a prompt may ask for a column that fills a field, or for what is not there.
        self._looks_inside = layout.verbatim or any(
            each.field and each.name != field_of(each.name) for each in layout.columns
        )

    def row(self, cells: Sequence[str]) -> dict[str, Any]:
        """Return the row of as many cells as there are columns, or more. Raise BadRow."""
        if self._special:
            return self._by_layout(cells)
        row: dict[str, Any] = {}
        try:
            for index, field, value_of in self._fields:
                cell = cells[index]
                # An empty cell of a field says nothing; one of data is an empty text.
                if cell and not cell.isspace():
                    row[field] = cell if value_of is None else value_of(cell)
        except BadRow:
            # It may have other faults, of which one is told before.
            return self._by_layout(cells)
        if self._options.template is not None:
            row["prompt"] = self._options.template
        if self._model is not None and "model" not in row:
            row["model"] = self._model
        if "prompt" not in row or "model" not in row:
            return self._by_layout(cells)
        if row["prompt"].lstrip()[:1] == "#":
            # It may be an error of the spreadsheet.
            return self._by_layout(cells)
        if self._looks_inside and ("{{" in row["prompt"] or "{{" in row.get("system", "")):
            return self._by_layout(cells)
        if self._data:
            row["data"] = {name: cells[index] for index, name in self._data}
        return row

    def _by_layout(self, cells: Sequence[str]) -> dict[str, Any]:
        values = [
            None if column.field and not cell.strip() else cell
            for column, cell in zip(self._layout.columns, cells, strict=False)
        ]
        return self._layout.row(values, {}, self._options)
