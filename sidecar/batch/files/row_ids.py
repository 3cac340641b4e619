"""Ids of rows: their own, or made of their numbers, and no two alike (pure)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.row_errors import Read, RowError
from sidecar.store.stoppable import Pulse

_MADE_ID = re.compile(r"row-([1-9]\d{0,17})", re.ASCII)


def with_ids(read: Iterator[Read], pulse: Pulse, options: ImportOptions) -> Iterator[Read]:
    """Yield what was read, each row with an id, and a row that names no model once for each model."""
    ids = _Ids()
    for number, outcome in read:
        pulse()
        if not isinstance(outcome, dict):
            yield number, outcome
            continue
        row = ids.given(number, outcome)
        yield number, row
        if isinstance(row, dict) and options.models and row["model"] == options.models[0]:
            for model in options.models[1:]:
                yield number, ids.given(number, {**row, "id": f"{row['id']}@{model}", "model": model})


class _Ids:
    """Makes sure that no two rows have one id. Ids that were made are kept as numbers from one to another."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._made: list[list[int]] = []

    def given(self, number: int, row: dict[str, Any]) -> dict[str, Any] | RowError:
        row_id = row.get("id")
        if row_id is None:
            row_id = f"row-{number}"
            if row_id not in self._taken and not self._was_made(row_id):
                self._make(number)
                return {"id": row_id, **row}
            while row_id in self._taken or self._was_made(row_id):
                row_id += "-"
            row = {"id": row_id, **row}
        elif row_id in self._taken or self._was_made(row_id):
            message = f'The id "{row_id[:60]}" is that of an earlier row. Give each row its own, or leave the ids out.'
            return RowError(message, row)
        self._taken.add(row_id)
        return row

    def _make(self, number: int) -> None:
        if self._made and self._made[-1][1] == number - 1:
            self._made[-1][1] = number
        else:
            self._made.append([number, number])

    def _was_made(self, row_id: str) -> bool:
        found = _MADE_ID.fullmatch(row_id)
        if found is None or not self._made:
            return False
        number = int(found[1])
        place = bisect_right(self._made, number, key=lambda each: each[0]) - 1
        return place >= 0 and number <= self._made[place][1]
