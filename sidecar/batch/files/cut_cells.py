"""Prompts that Excel may have cut before a table was saved, told of once (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.batch.files.excel_limits import MOST_LETTERS, may_be_cut
from sidecar.batch.files.row_errors import Read, RowError

_ASKED = ("prompt", "system")


def told(read: Iterator[Read]) -> Iterator[Read]:
    """Yield what was read of a table, and behind the first prompt that is as long as Excel cuts them that it is."""
    is_told = False
    for number, outcome in read:
        yield number, outcome
        if is_told or not isinstance(outcome, dict):
            continue
        if any(isinstance(text := outcome.get(name), str) and may_be_cut(text) for name in _ASKED):
            is_told = True
            yield (
                0,
                RowError(
                    f"The prompt of row {number} has {MOST_LETTERS:,} characters, the most that Excel keeps in a cell: "
                    "its end may be lost. Compare it with where it came from, and give long prompts as JSON Lines."
                ),
            )
