"""A job with its results as a file: what spreadsheets and programs read, and `batch:import` reads back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Literal

from sidecar.batch.files import parquet_out, tuning
from sidecar.batch.files.columns import DEFUSED_MARK, PLAIN_MARK, RESULT_COLUMNS, escaped
from sidecar.batch.files.csv_text import defused
from sidecar.batch.files.excel_limits import OverLimits
from sidecar.batch.files.json_text import encode
from sidecar.batch.files.names import ROW_FIELDS
from sidecar.batch.jobs import unknown_job
from sidecar.batch.template import spelled
from sidecar.errors import Failure
from sidecar.store import job_rows, jobs
from sidecar.store.atomic_files import target_file, write_whole
from sidecar.store.background_read import scan
from sidecar.store.columns import storable
from sidecar.store.job_records import JobRow
from sidecar.store.stoppable import Pulse
from sidecar.store.store import Store

Rows = Callable[[], Iterable[JobRow]]
Format = Literal["csv", "json", "jsonl", "parquet", "openai-tuning", "anthropic-tuning", "gemini-tuning"]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is written: of a table only these columns, by their names in a whole export, in this order.

    Without `defuse`, cells stand in a CSV as they are, and a spreadsheet may run them as formulas.
    """

    columns: Sequence[str] | None = None
    defuse: bool = True


WHOLE = ExportOptions()
_BOUNDS = ("costAtLeastUSD", "costAtMostUSD")
_FIELDS = frozenset({*ROW_FIELDS, *RESULT_COLUMNS})


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written, by its absolute path. `remarks` are sentences on what another program loses of it."""

    path: Path
    rows: int
    bytes: int
    remarks: list[str] = field(default_factory=list)


async def export_job(
    store: Store,
    data_dir: Path,
    job_id: str,
    path: str,
    format: Format,  # noqa: A002
    options: ExportOptions = WHOLE,
) -> Exported:
    """Writes a job's rows in their order, as they are at one moment, replacing the file that is there.

    Raises Failure("not_found"), Failure("invalid_params") for a path that cannot be, Failure("storage_error").
    """

    def work(conn: Any, pulse: Pulse) -> Exported:
        if jobs.get(conn, job_id) is None:
            raise unknown_job()
        target = target_file(path, data_dir)
        limits = OverLimits()

        def rows() -> Iterable[JobRow]:
            for row in job_rows.stream(conn, job_id):
                pulse()
                yield row

        count, size = write_whole(target, lambda file: write_rows(file, rows, format, options, limits))
        return Exported(target, count, size, limits.remarks())

    return await scan(store, work)


def write_rows(
    file: BinaryIO,
    rows: Rows,
    format: Format,  # noqa: A002
    options: ExportOptions = WHOLE,
    limits: OverLimits | None = None,
) -> int:
    """Writes the rows that each call of `rows` gives anew; how many there were. `limits` sees the cells of a CSV.

    Raises Failure("invalid_params") for a column that there is not, and where a library is missing.
    """
    if format == "csv":
        return _write_csv(file, rows, options, limits or OverLimits())
    if format == "parquet":
        columns = _columns(rows, options)
        return parquet_out.write(file, columns, (_typed(row, columns) for row in rows()))
    if format in tuning.SHAPES:
        examples = (
            tuning.example(row.prompt, _given(row), _data(row), row.response, format)
            for row in _answered(rows)
        )
        return _write_objects(file, map(encode, examples), "jsonl")
    chosen = None if options.columns is None else _columns(rows, options)
    return _write_objects(file, (_object(row, chosen) for row in rows()), format)


def _answered(rows: Rows) -> Iterator[JobRow]:
    """The rows from which something can be learnt."""
    return (row for row in rows() if row.status == "success" and row.response)


def _write_objects(file: BinaryIO, objects: Iterable[bytes], format: str) -> int:  # noqa: A002
    begin, between, end = (b"[\n", b",\n", b"\n]\n") if format == "json" else (b"", b"\n", b"\n")
    count = 0
    for each in objects:
        file.write((between if count else begin) + each)
        count += 1
    if format == "json" or count:
        file.write(end if count else b"[]\n")
    return count


def _columns(rows: Rows, options: ExportOptions) -> list[str]:
    """The names of the columns. What stands in the first line is known only when every row was seen."""
    names: dict[str, None] = {}
    judged = False
    for row in rows():
        names |= dict.fromkeys(_data(row))
        judged = judged or row.verdicts is not None
    results = [name for name in RESULT_COLUMNS if judged or name != "checks"]
    every = [*ROW_FIELDS, *map(escaped, names), *results]
    if options.columns is None:
        return every
    if missing := [name for name in options.columns if name not in every]:
        message = f'This batch has no column "{missing[0][:60]}". Choose from {", ".join(every)[:1_000]}.'
        raise Failure("invalid_params", message, issues=[{"path": "columns", "message": message}])
    return list(dict.fromkeys(options.columns))


def _write_csv(file: BinaryIO, rows: Rows, options: ExportOptions, limits: OverLimits) -> int:
    columns = _columns(rows, options)
    mark = DEFUSED_MARK if options.defuse else PLAIN_MARK
    # Behind the mark stand the results that are left out when the file is read again.
    at = len(columns)
    while at and columns[at - 1] in RESULT_COLUMNS:
        at -= 1
    # With its mark, without which Excel takes UTF-8 for something else.
    text = io.TextIOWrapper(file, "utf-8-sig", newline="", write_through=True)
    cell = _defused_cell if options.defuse else storable
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([*map(cell, columns[:at]), mark, *columns[at:]])
        count = 0
        for row in rows():
            values = _values(row)
            cells = [_text(values.get(name), cell, spoken=name in _FIELDS) for name in columns]
            writer.writerow([*cells[:at], "", *cells[at:]])
            for name, written in zip(columns, cells, strict=True):
                limits.see(name, written)
            limits.end_row()
            count += 1
        return count
    finally:
        text.detach()


def _values(row: JobRow) -> dict[str, Any]:
    """All of a row by the names of the columns."""
    return _given(row) | {escaped(name): value for name, value in _data(row).items()} | _results(row)


def _typed(row: JobRow, columns: Sequence[str]) -> dict[str, Any]:
    """A row for a table whose columns have types: data as a template prints it, a cost exactly, as text."""
    values = _values(row)
    typed: dict[str, Any] = {}
    for name in columns:
        value = values.get(name)
        if value is None or name in parquet_out.TYPED:
            typed[name] = value
        else:
            typed[name] = _plain(value) if isinstance(value, Decimal) else storable(spelled(value))
    return typed


def _object(row: JobRow, columns: Sequence[str] | None) -> bytes:
    members = {name: value for name, value in _given(row).items() if value is not None}
    data, results = _data(row), _results(row)
    amounts = {"cost_usd": results.pop("cost_usd")} | {
        name: usd for name in _BOUNDS if (usd := results.pop(name)) is not None
    }
    if columns is not None:
        members = {name: value for name, value in members.items() if name in columns}
        data = {name: value for name, value in data.items() if escaped(name) in columns}
        results = {name: value for name, value in results.items() if name in columns}
    if data:
        members["data"] = data
    members |= {name: value for name, value in results.items() if value is not None}
    # Written by hand, because a float would not be the exact amount.
    exact = ",".join(
        f'"{name}":{"null" if usd is None else _plain(usd)}'
        for name, usd in amounts.items()
        if columns is None or name in columns
    )
    if not exact:
        return encode(members)
    return encode(members)[:-1] + (b"," if members else b"") + exact.encode("ascii") + b"}"


def _given(row: JobRow) -> dict[str, Any]:
    """The row as it was submitted, by the fields of a row."""
    if row.request is None:
        return {"id": row.id, "prompt": row.prompt, "model": row.model}
    return {name: row.request.get(name) for name in ROW_FIELDS} | {"id": row.request.get("id") or row.id}


def _data(row: JobRow) -> Mapping[str, Any]:
    data = row.data if row.request is None else row.request.get("data")
    return data if isinstance(data, Mapping) else {}


def _results(row: JobRow) -> dict[str, Any]:
    """What came of the row. Its cost where that is known, else what it is at least and, where bounded, at most."""
    least, most = row.bounds_usd
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
        "costAtLeastUSD": least,
        "costAtMostUSD": most,
        "checks": None if row.verdicts is None else list(row.verdicts),
    }


def _text(value: Any, cell: Callable[[str], str], *, spoken: bool) -> str:
    """Text as it is, anything else as a template would print it; the truths of fields in a spreadsheet's capitals."""
    if value is None:
        return ""
    if spoken and isinstance(value, bool):
        return str(value).upper()
    return _plain(value) if isinstance(value, Decimal) else cell(spelled(value))


def _defused_cell(text: str) -> str:
    return defused(storable(text))


def _plain(amount: Decimal) -> str:
    """Without an exponent, and without zeros at its end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
