"""Rows as they are handed in: given at once or from a file, with an id each, and with turns for everybody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from sidecar.batch.row import Row
from sidecar.batch.validation import MOST_ISSUES
from sidecar.errors import Failure
from sidecar.give_way import give_way

T = TypeVar("T")

# Rows between two turns of the loop, and rows that are written at once.
ROWS_A_TURN = 50
ROWS_A_WRITE = 1_000


def with_ids(rows: Iterable[Mapping[str, Any]], first: int = 1) -> Iterator[Mapping[str, Any]]:
    """The rows with an id each: their own, or one by their place, of which that of the first is given."""
    for number, row in enumerate(rows, first):
        yield row if row.get("id") else {"id": f"row-{number}", **{k: v for k, v in row.items() if k != "id"}}


def row_key(job_id: str, row_id: str) -> str:
    """The id of a row in the database: clients number theirs anew in every batch."""
    return f"{job_id}/{row_id}"


def refuse_issues(issues: list[dict[str, str]]) -> None:
    """Raises Failure("invalid_params") when there are any."""
    if not issues:
        return
    most = "At least " if len(issues) >= MOST_ISSUES else ""
    rows = "row" if len(issues) == 1 else "rows"
    first = issues[0]
    number = int(first["path"].split(".")[1]) + 1
    raise Failure(
        "invalid_params",
        f"{most}{len(issues)} {rows} cannot be sent; row {number}: {first['message']}".strip()
        + ("" if first["message"].endswith(".") else ".")
        + " Correct them and submit the batch again; nothing was sent or paid.",
        issues=issues,
    )


async def in_turns(rows: Sequence[T]) -> AsyncIterator[tuple[int, T]]:
    """What there is with its places; with a turn for everybody else after every few."""
    for number, row in enumerate(rows):
        yield number, row
        if number % ROWS_A_TURN == ROWS_A_TURN - 1:
            await give_way()


# A row with the number by which its owner knows it, from 1.
Numbered = tuple[int, Row]


class RowSource(Protocol):
    """Rows that can be gone through several times, the same each time. Only a chunk of them need be in memory.

    `ids_are_unique` is whether it sees to it itself that no two have one id.
    """

    ids_are_unique: bool

    def chunks(self) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield as many at once as are written at once. Raise Failure for rows that cannot be read at all."""
        ...


class GivenRows:
    """Rows that came with a message."""

    ids_are_unique = False

    def __init__(self, wire_rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = wire_rows

    async def chunks(self) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield the rows, numbered by their place."""
        for begin in range(0, len(self._rows), ROWS_A_WRITE):
            chunk = with_ids(self._rows[begin : begin + ROWS_A_WRITE], begin + 1)
            yield [(number, Row(each)) for number, each in enumerate(chunk, begin + 1)]
