"""Rows as they are handed in: with an id each, and with a turn for everybody else between a few."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sidecar.batch.validation import MOST_ISSUES
from sidecar.errors import Failure

T = TypeVar("T")

# Rows between two turns of the loop, and rows that are written at once.
ROWS_A_TURN = 50
ROWS_A_WRITE = 1_000


def with_ids(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The rows with an id each: their own, or one by their place."""
    for number, row in enumerate(rows, 1):
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
            await asyncio.sleep(0)
