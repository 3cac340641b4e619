"""Where the rows of a batch come from: given at once, or read from a file a chunk at a time, as often as is needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from sidecar.batch.row import Row
from sidecar.batch.row_input import ROWS_A_WRITE, with_ids

# A row with the number by which its owner knows it, from 1.
Numbered = tuple[int, Row]


class RowSource(Protocol):
    """Rows that can be gone through several times, the same each time. Only a chunk of them need be in memory."""

    def chunks(self) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield as many at once as are written at once. Raise Failure for rows that cannot be read at all."""
        ...


class GivenRows:
    """Rows that came with a message."""

    def __init__(self, wire_rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = [Row(each) for each in with_ids(wire_rows)]

    async def chunks(self) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield the rows, numbered by their place."""
        for begin in range(0, len(self._rows), ROWS_A_WRITE):
            yield list(enumerate(self._rows[begin : begin + ROWS_A_WRITE], begin + 1))
