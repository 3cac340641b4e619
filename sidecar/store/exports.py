"""Everything in the database as a folder of JSONL, one file a table: for people who want their data elsewhere."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from sidecar.store.atomic_files import (
    PRIVATE_FOLDER,
    file_failure,
    target_file,
    target_folder,
    write_together,
)
from sidecar.store.background_read import scan
from sidecar.store.columns import from_pico, to_json
from sidecar.store.stoppable import Pulse
from sidecar.store.store import Store

# API keys are in no table. `app_state` says nothing about the person's data. A new table is to be told here: the tests
# look for it.
TABLES = {
    "projects": "last_used DESC, id",
    "conversations": "project_id, created_at, id",
    "messages": "seq",
    "batch_jobs": "created_at, id",
    "batch_parts": "created_at, id",
    "batch_results": "job_id, row_index",
    "jobqueue_states": "batch_id",
    "history_rows": "seq",
    "settings": "key",
    "ledger": "created_at, id",
    "answer_pieces": "entry_id, seq",
    "votes": "created_at, id",
    "unheard_stops": "asked_at, provider, native_id",
}
# What the database looks at when it is written says so itself; these it takes as they are.
_HELD_AS_JSON = {"jobqueue_states": {"state"}, "ledger": {"surcharges"}}
_LOOKED_AT = re.compile(r"json_valid\s*\((\w+)\)")


async def export_tables(store: Store, data_dir: Path, path: str) -> tuple[Path, int]:
    """Writes `<table>.jsonl` for each table into the folder, all of one moment: the folder, and the bytes written.

    Raises Failure("invalid_params") for a folder that cannot be, Failure("storage_error").
    """

    def work(conn: sqlite3.Connection, pulse: Pulse) -> tuple[Path, int]:
        folder = target_folder(path, data_dir)
        made = not folder.exists()
        try:
            folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        except OSError as error:
            raise file_failure(error, folder) from error
        try:
            targets = {table: target_file(str(folder / f"{table}.jsonl"), data_dir) for table in TABLES}
            written = write_together(
                [(target, _writer(conn, table, pulse)) for table, target in targets.items()]
            )
        except BaseException:
            if made:
                with suppress(OSError):
                    folder.rmdir()
            raise
        return folder, sum(size for _, size in written)

    return await scan(store, work)


def _writer(conn: sqlite3.Connection, table: str, pulse: Pulse) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        rows = conn.execute(f"SELECT * FROM {table} ORDER BY {TABLES[table]}")  # noqa: S608
        names, holds_json = [column[0] for column in rows.description], json_columns(conn, table)
        for row in rows:
            pulse()
            file.write(line(names, holds_json, row))

    return write


def json_columns(conn: sqlite3.Connection, table: str) -> set[str]:
    """The columns of a table whose texts are JSON."""
    (made_by,) = conn.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return {*_LOOKED_AT.findall(made_by), *_HELD_AS_JSON.get(table, ())}


def line(names: Sequence[str], holds_json: Collection[str], row: Sequence[Any]) -> bytes:
    """One row as a line of JSON: JSON columns as what they hold, money as `_usd` in exact decimals."""
    members: dict[str, Any] = {}
    for name, value in zip(names, row, strict=True):
        if name.endswith("_pico"):
            members[name.removesuffix("_pico") + "_usd"] = from_pico(value)
        elif isinstance(value, str) and name in holds_json:
            members[name] = _held(value)
        else:
            members[name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    try:
        return orjson.dumps(members, default=_exact) + b"\n"
    except TypeError:
        return to_json(members).encode("ascii") + b"\n"


def _held(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError
