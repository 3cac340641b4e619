"""Questions as a wide table: what was asked, and for each column its answer, cost, seconds and tokens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from sidecar.batch.files.csv_text import defused
from sidecar.batch.template import spelled
from sidecar.report.questions import Questions, ReportQuestion
from sidecar.store.columns import storable

# Of a cost that is not known; named as in the export of a batch.
_BOUNDS = ("costAtLeastUSD", "costAtMostUSD")
_OF_A_ROW = ("status", "answer", "cost_usd", *_BOUNDS, "seconds", "tokens_in", "tokens_out")


def heads(found: Questions) -> list[str]:
    """Return the names of the columns."""
    names = [f"data.{name}" for name in _data_names(found)]
    of_columns = [
        f"{column.label}: {what}" for column in found.columns for what in (*_OF_A_ROW, *found.checks, "error")
    ]
    return ["id", "prompt", *names, *of_columns]


def lines(found: Questions) -> Iterator[list[Any]]:
    """Yield the cells of each question: text, a number, a truth, or None."""
    names, checks = _data_names(found), found.checks
    for question in found.questions:
        data = [None if name not in question.data else spelled(question.data[name]) for name in names]
        cells: list[Any] = [question.key, question.prompt, *data]
        for place in range(len(found.columns)):
            cells += _of_row(question, place, checks)
        yield cells


def write_csv(file: BinaryIO, found: Questions) -> None:
    """Write the table as CSV that a spreadsheet opens, in which no answer is run as a formula."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([_csv_cell(each) for each in heads(found)])
        for cells in lines(found):
            writer.writerow([_csv_cell(each) for each in cells])
    finally:
        text.detach()


def _csv_cell(value: Any) -> Any:
    return defused(storable(value)) if isinstance(value, str) else value


def _of_row(question: ReportQuestion, place: int, checks: list[str]) -> list[Any]:
    row = question.rows.get(place)
    if row is None:
        return [None] * (len(_OF_A_ROW) + len(checks) + 1)
    passed = {str(each["name"]): bool(each["passed"]) for each in row.verdicts or ()}
    return [
        row.status,
        row.response,
        *(None if usd is None else float(usd) for usd in (row.known_usd, *row.bounds_usd)),
        None if not row.latency_ms else row.latency_ms / 1000,
        row.tokens_in or 0,
        row.tokens_out or 0,
        *(passed.get(name) for name in checks),
        row.error_message,
    ]


def _data_names(found: Questions) -> list[str]:
    names: dict[str, None] = {}
    for question in found.questions:
        names |= dict.fromkeys(question.data)
    return list(names)
