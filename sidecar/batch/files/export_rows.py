"""A job with its results as a file: what spreadsheets and programs read, and `batch:import` reads back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from sidecar.batch.files.columns import RESULT_COLUMNS, ROW_FIELDS, escaped
from sidecar.batch.files.csv_text import defused
from sidecar.batch.files.import_rows import Format
from sidecar.batch.files.json_text import encode
from sidecar.batch.template import spelled
from sidecar.errors import Failure
from sidecar.store import job_rows, jobs
from sidecar.store.atomic_files import target_file, write_whole
from sidecar.store.background_read import Pulse, scan
from sidecar.store.columns import storable
from sidecar.store.job_records import JobRow
from sidecar.store.store import Store

Rows = Callable[[], Iterable[JobRow]]


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, by its absolute path."""

    path: Path
    rows: int
    bytes: int


async def export_job(
    store: Store,
    data_dir: Path,
    job_id: str,
    path: str,
    format: Format,  # noqa: A002
) -> Exported:
    """Writes a job's rows in their order, as they are at one moment, replacing the file that is there.

    Raises Failure("not_found"), Failure("invalid_params") for a path that cannot be, Failure("storage_error").
    """

    def work(conn: Any, pulse: Pulse) -> Exported:
        if jobs.get(conn, job_id) is None:
            raise Failure("not_found", "There is no such batch. Load the list again.")
        target = target_file(path, data_dir)

        def rows() -> Iterable[JobRow]:
            for row in job_rows.stream(conn, job_id):
                pulse()
                yield row

        count, size = write_whole(target, lambda file: write_rows(file, rows, format))
        return Exported(target, count, size)

    return await scan(store, work)


def write_rows(file: BinaryIO, rows: Rows, format: Format) -> int:  # noqa: A002
    """Writes the rows that each call of `rows` gives anew; how many there were."""
    if format == "csv":
        return _write_csv(file, rows)
    begin, between, end = (b"[\n", b",\n", b"\n]\n") if format == "json" else (b"", b"\n", b"\n")
    count = 0
    for row in rows():
        file.write((between if count else begin) + _object(row))
        count += 1
    if format == "json" or count:
        file.write(end if count else b"[]\n")
    return count


def _write_csv(file: BinaryIO, rows: Rows) -> int:
    # What stands in the first line is known only when every row was seen.
    names = list(dict.fromkeys(name for row in rows() for name in _data(row)))
    # With its mark, without which Excel takes UTF-8 for something else.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([*ROW_FIELDS, *(_cell(escaped(name)) for name in names), *RESULT_COLUMNS])
        count = 0
        for row in rows():
            given, data, results = _given(row), _data(row), _results(row)
            writer.writerow(
                [
                    *(_field_cell(given.get(name)) for name in ROW_FIELDS),
                    *(_data_cell(data.get(name)) for name in names),
                    *(_field_cell(results.get(name)) for name in RESULT_COLUMNS),
                ]
            )
            count += 1
        return count
    finally:
        text.detach()


def _object(row: JobRow) -> bytes:
    members = {name: value for name, value in _given(row).items() if value is not None}
    data, results = _data(row), _results(row)
    cost = results.pop("cost_usd")
    if data:
        members["data"] = data
    members |= {name: value for name, value in results.items() if value is not None}
    # Written by hand, because a float would not be the exact amount.
    exact = "null" if cost is None else _plain(cost)
    return encode(members)[:-1] + b',"cost_usd":' + exact.encode("ascii") + b"}"


def _given(row: JobRow) -> dict[str, Any]:
    """The row as it was submitted, by the fields of a row."""
    if row.request is None:
        return {"id": row.id, "prompt": row.prompt, "model": row.model}
    return {name: row.request.get(name) for name in ROW_FIELDS} | {"id": row.request.get("id") or row.id}


def _data(row: JobRow) -> Mapping[str, Any]:
    data = row.data if row.request is None else row.request.get("data")
    return data if isinstance(data, Mapping) else {}


def _results(row: JobRow) -> dict[str, Any]:
    return {
        "rowIndex": row.row_index,
        "status": row.status,
        "response": row.response,
        "tokens_in": row.tokens_in or 0,
        "tokens_out": row.tokens_out or 0,
        "cost_usd": row.known_usd,
        "latency_ms": row.latency_ms or 0,
        "error": row.error_kind,
        "errorMessage": row.error_message,
        "attempts": row.attempts,
    }


def _field_cell(value: Any) -> str:
    # Spreadsheets write and read their truths in capitals.
    return str(value).upper() if isinstance(value, bool) else _data_cell(value)


def _data_cell(value: Any) -> str:
    """Text as it is, anything else as a template would print it."""
    if value is None:
        return ""
    return _plain(value) if isinstance(value, Decimal) else _cell(spelled(value))


def _cell(text: str) -> str:
    return defused(storable(text))


def _plain(amount: Decimal) -> str:
    """Without an exponent, and without zeros at its end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
