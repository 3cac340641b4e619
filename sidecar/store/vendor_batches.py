"""The parts of a job at a vendor, and which rows travel in each. A part says how far it certainly is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sidecar.store.columns import from_json, from_pico, storable, to_json
from sidecar.store.job_records import PartState, PendingRow, RowStatus, VendorBatch, VendorBatchRow

_FIELDS = tuple(field.name for field in fields(VendorBatch))
_COLUMNS = ", ".join(_FIELDS)
OPEN_SQL = f"SELECT {_COLUMNS} FROM batch_parts WHERE state IN ('intent', 'submitted', 'ended', 'doubtful')"  # noqa: S608
OF_JOB_SQL = f"SELECT {_COLUMNS} FROM batch_parts WHERE job_id = ? ORDER BY created_at"  # noqa: S608
BY_NATIVE_ID_SQL = f"SELECT {_COLUMNS} FROM batch_parts WHERE provider = ? AND native_id = ?"  # noqa: S608
# The models stand in the rows themselves: a part may hold several where its vendor lets it.
UNFINISHED_SQL = (
    "SELECT id, row_index, request, prompt, custom_id, model, reserve_pico FROM batch_results"
    " WHERE part_id = ? AND custom_id > ? AND +status = 'processing' ORDER BY custom_id LIMIT ?"
)
MEMBERS_SQL = "SELECT id, custom_id FROM batch_results WHERE part_id = ? ORDER BY custom_id"
TRAVELLING_SQL = (
    "SELECT custom_id FROM batch_results WHERE part_id = ? AND +status = 'processing' ORDER BY custom_id"
)
NATIVE_IDS_SQL = (
    "SELECT native_id FROM batch_parts WHERE provider = ?1 AND native_id IS NOT NULL AND id <> ?2"
    " UNION SELECT refused_id FROM batch_parts WHERE provider = ?1 AND refused_id IS NOT NULL"
)
BY_REFUSED_ID_SQL = f"SELECT {_COLUMNS} FROM batch_parts WHERE provider = ? AND refused_id = ?"  # noqa: S608
AT_WORK_SQL = "SELECT provider, model FROM batch_parts WHERE state = 'submitted' AND id <> ?"
MISSING_SQL = "SELECT count(*) FROM batch_results WHERE part_id = ? AND +status = 'processing'"
# Rows that ended without a result, while nobody knows whether the vendor ran them.
UNREAD_SQL = (
    "SELECT r.id, r.status FROM batch_results r JOIN ledger l ON l.id = r.part_id || '/' || r.custom_id"
    " WHERE r.part_id = ? AND r.response IS NULL AND +r.status IN ('error', 'error-api', 'cancelled')"
    " AND l.state = 'unknown'"
)
ROW_SQL = (
    "SELECT id, row_index, request, prompt, custom_id, model, reserve_pico, status FROM batch_results"
    " WHERE part_id = ? AND custom_id = ?"
)


def insert(conn: sqlite3.Connection, batch: VendorBatch) -> None:
    conn.execute(
        f"INSERT INTO batch_parts ({_COLUMNS}) VALUES ({', '.join('?' * len(_FIELDS))})",  # noqa: S608
        [_column(name, getattr(batch, name)) for name in _FIELDS],
    )


def assign(
    conn: sqlite3.Connection, part_id: str, row_id: str, custom_id: str, question: str, now: int
) -> bool:
    """Puts a pending row into the part, with one attempt more. False when it is not pending, or is gone."""
    changed = conn.execute(
        "UPDATE batch_results SET status = 'processing', attempts = attempts + 1, part_id = ?, custom_id = ?,"
        " question = ?, updated_at = ? WHERE id = ? AND status = 'pending'",
        (part_id, custom_id, question, now, row_id),
    )
    return changed.rowcount > 0


def get(conn: sqlite3.Connection, part_id: str) -> VendorBatch | None:
    row = conn.execute(f"SELECT {_COLUMNS} FROM batch_parts WHERE id = ?", (part_id,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def by_native_id(conn: sqlite3.Connection, provider: str, native_id: str) -> VendorBatch | None:
    row = conn.execute(BY_NATIVE_ID_SQL, (provider, native_id)).fetchone()
    row = row or conn.execute(BY_REFUSED_ID_SQL, (provider, native_id)).fetchone()
    return None if row is None else _record(row)


def of_job(conn: sqlite3.Connection, job_id: str) -> list[VendorBatch]:
    """Every part of the job, oldest first."""
    return [_record(row) for row in conn.execute(OF_JOB_SQL, (job_id,))]


def open_parts(conn: sqlite3.Connection) -> list[VendorBatch]:
    """The parts of all jobs that something has yet to come of."""
    return [_record(row) for row in conn.execute(OPEN_SQL)]


def open_of_project(conn: sqlite3.Connection, project_id: str) -> list[VendorBatch]:
    """The parts of a project's jobs that something has yet to come of."""
    of_project = {
        row[0]
        for row in conn.execute(
            "SELECT id FROM batch_jobs WHERE project_id = ? AND mode = 'native'", (project_id,)
        )
    }
    return [batch for batch in open_parts(conn) if batch.job_id in of_project]


def native_ids_of_others(conn: sqlite3.Connection, batch: VendorBatch) -> frozenset[str]:
    """The batches at the part's vendor that are known to be other parts', or to have run nothing for want of room."""
    return frozenset(row[0] for row in conn.execute(NATIVE_IDS_SQL, (batch.provider, batch.id)))


def may_have_been_sent(conn: sqlite3.Connection) -> None:
    """Of no part without a vendor's id is it certain any more that its creation was not asked for."""
    conn.execute(
        "UPDATE batch_parts SET submitted_at = coalesce(submitted_at, created_at) WHERE state = 'intent'"
    )


def sending(
    conn: sqlite3.Connection, part_id: str, input_file_id: str | None, key_mark: str, now: int
) -> None:
    """The input is where the vendor wants it, and from now on the creation may have been asked for."""
    conn.execute(
        "UPDATE batch_parts SET state = 'intent', input_file_id = ?, key_mark = ?, submitted_at = ?, error = NULL"
        " WHERE id = ?",
        (input_file_id, key_mark, now, part_id),
    )


def not_sent(conn: sqlite3.Connection, part_id: str) -> None:
    """It is certain that the vendor has not got it: the next attempt need not look for it."""
    conn.execute(
        "UPDATE batch_parts SET state = 'intent', submitted_at = NULL, error = NULL WHERE id = ?", (part_id,)
    )


def stop_heard(conn: sqlite3.Connection, part_id: str, now: int) -> None:
    """The vendor knows that the batch is to stop."""
    conn.execute("UPDATE batch_parts SET stop_heard_at = ? WHERE id = ?", (now, part_id))


def put_back(conn: sqlite3.Connection, part_id: str, error: str) -> None:
    """The vendor had no room for it and ran nothing: it is as if it had not been sent, but for its `refused_id`."""
    conn.execute(
        "UPDATE batch_parts SET state = 'intent', refused_id = native_id, native_id = NULL, submitted_at = NULL,"
        " ended_at = NULL, vendor_status = NULL, counts = NULL, error = ? WHERE id = ?",
        (error, part_id),
    )


def others_at_work(conn: sqlite3.Connection, batch: VendorBatch) -> bool:
    """Whether the vendor is at work on another part of the same model, of any job."""
    return (batch.provider, batch.model) in conn.execute(AT_WORK_SQL, (batch.id,)).fetchall()


def missing(conn: sqlite3.Connection, part_id: str) -> int:
    """How many of its rows have not ended."""
    return int(conn.execute(MISSING_SQL, (part_id,)).fetchone()[0])


def unread(conn: sqlite3.Connection, part_id: str) -> list[tuple[str, RowStatus]]:
    """Its rows that ended without a result though the vendor may have one, each with the status it has."""
    return [(row_id, status) for row_id, status in conn.execute(UNREAD_SQL, (part_id,))]


def read_again(conn: sqlite3.Connection, part_id: str, row_ids: Iterable[str], now: int) -> None:
    """The part's results are fetched once more, for these rows of it."""
    conn.executemany(
        "UPDATE batch_results SET status = 'processing', error_kind = NULL, error_message = NULL, updated_at = ?"
        " WHERE id = ?",
        ((now, row_id) for row_id in row_ids),
    )
    set_state(conn, part_id, "ended")


def set_state(conn: sqlite3.Connection, part_id: str, state: PartState, error: str | None = None) -> None:
    conn.execute("UPDATE batch_parts SET state = ?, error = ? WHERE id = ?", (state, error, part_id))


def refused(conn: sqlite3.Connection, part_id: str, kind: str, error: str, now: int) -> None:
    """It was certainly not created, and never will be: its rows are yet to be told why."""
    conn.execute(
        "UPDATE batch_parts SET state = 'ended', ended_at = ?, vendor_status = ?, error = ? WHERE id = ?",
        (now, kind, error, part_id),
    )


def observe(
    conn: sqlite3.Connection,
    part_id: str,
    *,
    native_id: str,
    word: str,
    counts: Mapping[str, int],
    ended: bool,
    ended_at: int | None,
    error: str | None,
    now: int,
) -> None:
    """What the vendor says of it. Raises sqlite3.IntegrityError when that id belongs to another part."""
    conn.execute(
        "UPDATE batch_parts SET native_id = ?, vendor_status = ?, counts = ?, polled_at = ?, error = ?,"
        " state = ?, ended_at = CASE WHEN ? THEN coalesce(ended_at, ?, ?) END"
        " WHERE id = ? AND state IN ('intent', 'doubtful', 'submitted', 'ended')",
        (
            native_id,
            word,
            to_json(dict(counts)),
            now,
            error,
            "ended" if ended else "submitted",
            int(ended),
            ended_at,
            now,
            part_id,
        ),
    )


def unfinished(conn: sqlite3.Connection, part_id: str, after: str, limit: int) -> list[VendorBatchRow]:
    """A part's rows without an outcome, behind the custom id `after`."""
    rows = conn.execute(UNFINISHED_SQL, (part_id, after, limit))
    return [_part_row(part_row) for part_row in rows]


def waiting_row(conn: sqlite3.Connection, part_id: str, custom_id: str) -> VendorBatchRow | None:
    """The row of that custom id, unless it has ended, or there is none."""
    found = conn.execute(ROW_SQL, (part_id, custom_id)).fetchone()
    return None if found is None or found[-1] != "processing" else _part_row(found[:-1])


def members_among(conn: sqlite3.Connection, part_id: str, custom_ids: Iterable[str]) -> set[str]:
    """Those of the custom ids that are of rows which travelled in the part."""
    return {each for each in custom_ids if conn.execute(ROW_SQL, (part_id, each)).fetchone() is not None}


def row_ids(conn: sqlite3.Connection, part_id: str) -> list[str]:
    """The rows that travelled in it last, by index."""
    return [row[0] for row in conn.execute(MEMBERS_SQL, (part_id,))]


def custom_ids(conn: sqlite3.Connection, part_id: str) -> list[str]:
    """The same rows as the vendor was given them."""
    return [row[1] for row in conn.execute(MEMBERS_SQL, (part_id,))]


def travelling(conn: sqlite3.Connection, part_id: str) -> list[str]:
    """The custom ids of its rows that have not ended: those alone go along when it is sent again."""
    return [row[0] for row in conn.execute(TRAVELLING_SQL, (part_id,))]


def rename_questions(conn: sqlite3.Connection, named: Iterable[tuple[str, str]]) -> None:
    """What rows ask, by the name of it and the row's id: they are about to be sent in other words than before."""
    conn.executemany("UPDATE batch_results SET question = ? WHERE id = ?", named)


def detach(conn: sqlite3.Connection, job_id: str, statuses: Iterable[RowStatus]) -> None:
    """Rows that ended so belong to no part any more, because they are going to travel again."""
    words = tuple(statuses)
    conn.execute(
        "UPDATE batch_results SET part_id = NULL, custom_id = NULL"  # noqa: S608
        f" WHERE job_id = ? AND status IN ({', '.join('?' * len(words))}) AND request IS NOT NULL",
        (job_id, *words),
    )


def _column(name: str, value: Any) -> Any:
    if name == "counts":
        return None if value is None else to_json(dict(value))
    return storable(value) if isinstance(value, str) else value


def _record(row: tuple[Any, ...]) -> VendorBatch:
    values = dict(zip(_FIELDS, row, strict=True))
    values["counts"] = None if values["counts"] is None else from_json(values["counts"])
    return VendorBatch(**values)


def _part_row(row: tuple[Any, ...]) -> VendorBatchRow:
    row_id, row_index, request, prompt, custom_id, model, pico = row
    waiting = PendingRow(row_id, row_index, from_json(request), prompt, from_pico(pico))
    return VendorBatchRow(waiting, custom_id, model)
