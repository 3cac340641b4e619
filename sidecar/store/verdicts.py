"""What came of the checks of a batch: written row by row, counted a model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sidecar.store.columns import from_json, to_json

UNJUDGED_SQL = (
    "SELECT row_index, id, response, request, original_data FROM batch_results WHERE job_id = ? AND row_index > ?"
    " AND status = 'success' AND verdicts IS NULL AND response IS NOT NULL ORDER BY row_index LIMIT ?"
)
COUNTED_SQL = (
    "SELECT json_extract(c.value, '$.name'), r.model, sum(json_extract(c.value, '$.passed')), count(*)"
    " FROM batch_results r, json_each(r.verdicts) c WHERE r.job_id = ? AND r.verdicts IS NOT NULL"
    " GROUP BY 1, 2 ORDER BY min(c.key), 2"
)


class Unjudged(NamedTuple):
    """An answer that was not looked at yet, with the data of its row and its own checks."""

    row_index: int
    row_id: str
    response: str
    data: Mapping[str, Any]
    checks: Sequence[Mapping[str, Any]] = ()


class Counted(NamedTuple):
    """How one model did by one check."""

    check: str
    model: str
    passed: int
    judged: int


def unjudged(conn: sqlite3.Connection, job_id: str, after: int, limit: int) -> list[Unjudged]:
    """The answers of a job, behind the row index `after`, that were not looked at yet."""
    return [
        Unjudged(index, row_id, response, *_data_and_checks(request, original))
        for index, row_id, response, request, original in conn.execute(UNJUDGED_SQL, (job_id, after, limit))
    ]


def keep(conn: sqlite3.Connection, rows: Iterable[tuple[str, str, list[dict[str, Any]]]]) -> None:
    """Write what came of answers: the row, the answer that was looked at, and its verdicts."""
    conn.executemany(
        "UPDATE batch_results SET verdicts = ?3 WHERE id = ?1 AND status = 'success' AND response = ?2",
        [(row_id, response, to_json(verdicts)) for row_id, response, verdicts in rows],
    )


def counted(conn: sqlite3.Connection, job_id: str) -> list[Counted]:
    """How each model did by each check, in the order of the checks."""
    return [
        Counted(str(name), str(model), *rest) for name, model, *rest in conn.execute(COUNTED_SQL, (job_id,))
    ]


def _data_and_checks(
    request: str | None, original: str | None
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    if request is not None:
        asked = from_json(request)
        return asked.get("data") or {}, asked.get("checks") or ()
    found = None if original is None else from_json(original)
    return (found if isinstance(found, dict) else {}), ()
