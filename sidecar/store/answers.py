"""What earlier batches of a project tell: answers to the same questions, and how long answers were."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from sidecar.store.job_records import UNCACHED, Answer, CachedShare, EarlierSearches, Lengths

SAME_QUESTION_SQL = (
    "SELECT r.response, r.tokens_in, r.tokens_out, r.finish_reason FROM batch_results r"
    " JOIN batch_jobs j ON j.id = r.job_id"
    " WHERE r.question = ? AND r.status = 'success' AND r.response IS NOT NULL AND j.project_id = ?"
    " ORDER BY r.updated_at DESC LIMIT 1"
)
TEMPLATE_LENGTHS_SQL = (
    "SELECT r.tokens_out FROM batch_results r JOIN batch_jobs j ON j.id = r.job_id"
    " WHERE r.template = ? AND r.model = ? AND r.status = 'success' AND r.tokens_out > 0 AND j.project_id = ?"
    " ORDER BY r.updated_at DESC LIMIT ?"
)
MODEL_LENGTHS_SQL = (
    "SELECT out_visible + coalesce(out_reasoning, 0) FROM ledger WHERE project_id = ?"
    " AND served_model = ? AND +state = 'settled' AND out_visible > 0 LIMIT ?"
)
# A server may tell any number of tokens: `total` does not overflow.
_SHARE = (
    "SELECT total(cache_read), total(cache_write_short), total(cache_write_long), total(prompt_total) FROM ({})"
    " WHERE served_model IS NOT NULL AND prompt_total > 0 AND state = 'settled' AND {}"
)
# Whether a call was allowed to search is not kept: those of a job that searched were, and others that did.
_SEARCHED = (
    "WITH calls AS ({}) SELECT total(searches), total(prompt_total), count(*) FROM calls"
    " WHERE served_model IS NOT NULL AND prompt_total > 0 AND state = 'settled' AND {}"
    " AND (searches > 0 OR job_id IN (SELECT job_id FROM calls WHERE searches > 0))"
)
_NEWEST = "SELECT * FROM ledger WHERE project_id = ? ORDER BY created_at DESC LIMIT ?"
_OF_JOBS = (
    "SELECT * FROM ledger WHERE job_id IN (SELECT job_id FROM (SELECT r.job_id, r.updated_at"
    " FROM batch_results r JOIN batch_jobs j ON j.id = r.job_id WHERE r.template = ? AND r.model = ?"
    " AND r.status = 'success' AND j.project_id = ? ORDER BY r.updated_at DESC LIMIT ?)) LIMIT ?"
)
TEMPLATE_CACHED_SQL = _SHARE.format(_OF_JOBS, "model = ?")
MODEL_CACHED_SQL = _SHARE.format(_NEWEST, "served_model = ?")
TEMPLATE_SEARCHED_SQL = _SEARCHED.format(_OF_JOBS, "model = ?")
MODEL_SEARCHED_SQL = _SEARCHED.format(_NEWEST, "served_model = ?")
# How many earlier answers are looked at. A template's are the newest ones; a model's are read off an index that
# knows no time and begins with the cheapest, so that a few of them would mislead.
TEMPLATE_SAMPLE, MODEL_SAMPLE = 200, 20_000
# How many calls are looked at to learn what caches had of their prompts.
CACHED_SAMPLE = 5_000


def earlier(conn: sqlite3.Connection, project_id: str | None, questions: Iterable[str]) -> dict[str, Answer]:
    """The newest answer that the project has to each of these questions (`request_fingerprint`), where it has one."""
    found: dict[str, Answer] = {}
    for question in questions:
        row = conn.execute(SAME_QUESTION_SQL, (question, project_id)).fetchone()
        if row is not None:
            found[question] = Answer(*row)
    return found


def lengths(
    conn: sqlite3.Connection, project_id: str | None, template: str | None, model: str
) -> Lengths | None:
    """How long a project's answers were: the newest to that template by that model, or (None) any that it gave.

    `model` is `provider/id`. None when there are none.
    """
    if template is None:
        rows = conn.execute(MODEL_LENGTHS_SQL, (project_id, model, MODEL_SAMPLE))
    else:
        rows = conn.execute(TEMPLATE_LENGTHS_SQL, (template, model, project_id, TEMPLATE_SAMPLE))
    found = sorted(row[0] for row in rows)
    if not found:
        return None
    asked: tuple[object, ...] = (project_id, CACHED_SAMPLE, model)
    if template is not None:
        asked = (template, model, project_id, TEMPLATE_SAMPLE, CACHED_SAMPLE, model)
    cached = _cached(conn, MODEL_CACHED_SQL if template is None else TEMPLATE_CACHED_SQL, asked)
    searched = _searched(conn, MODEL_SEARCHED_SQL if template is None else TEMPLATE_SEARCHED_SQL, asked)
    return _lengths(found, cached, searched)


def _cached(conn: sqlite3.Connection, sql: str, asked: tuple[object, ...]) -> CachedShare:
    """What caches had of the prompts of the newest calls of that kind."""
    *parts, whole = conn.execute(sql, asked).fetchone()
    return CachedShare(*(int(1_000 * part // whole) for part in parts)) if whole else UNCACHED


def _searched(conn: sqlite3.Connection, sql: str, asked: tuple[object, ...]) -> EarlierSearches | None:
    """What the newest calls of that kind searched, and how long their prompts were with what was found."""
    searches, prompts, calls = conn.execute(sql, asked).fetchone()
    return EarlierSearches(int(1_000 * searches / calls), int(prompts / calls)) if calls else None


def _lengths(found: Sequence[int], cached: CachedShare, searched: EarlierSearches | None) -> Lengths:
    tenth = len(found) // 10
    return Lengths(
        count=len(found),
        low=found[tenth],
        mean=-(-sum(found) // len(found)),
        high=found[-1 - tenth],
        cached=cached,
        searched=searched,
    )
