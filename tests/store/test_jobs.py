from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

import pytest

from sidecar.store import (
    answers,
    job_rows,
    jobs,
    ledger,
    ledger_sums,
    left_over,
    pending_rows,
    projects,
    row_sweeps,
)
from sidecar.store.job_records import Job, JobRow, Lengths, NewRow, RowOutcome
from sidecar.store.records import LedgerEntry
from tests.store.clock import NOW

PLANS = {
    "a page of jobs": (jobs.PAGE_SQL, "batch_jobs_by_project"),
    "the next page of jobs": (jobs.NEXT_PAGE_SQL, "batch_jobs_by_project"),
    "the rows of a job": (job_rows.PAGE_SQL, "batch_results_by_row"),
    "a provider's next rows": (pending_rows.NEXT_PENDING_SQL, "batch_results_pending"),
    "the next provider": (pending_rows.NEXT_PROVIDER_SQL, "batch_results_pending"),
    "what is left to reserve": (pending_rows.PENDING_RESERVE_SQL, "batch_results_pending"),
    "jobs with rows that have begun": (row_sweeps.BEGUN_SQL, "batch_results_begun"),
    "rows that the last run left": (left_over.OF_BATCHES_SQL, "batch_results_begun"),
    "jobs that the last run left": (left_over.OF_BATCHES_SQL, "batch_jobs_by_status"),
    "parts that the last run left": (left_over.OF_BATCHES_SQL, "batch_parts_by_state"),
    "requests that were under way": (left_over.OPEN_SQL, "ledger_by_state"),
    "rows that were under way": (left_over.OPEN_SQL, "batch_results_begun"),
    "the newest answers to a template": (answers.TEMPLATE_LENGTHS_SQL, "batch_results_by_template"),
    "an answer to the same question": (answers.SAME_QUESTION_SQL, "batch_results_by_question"),
    "the answers of a model": (answers.MODEL_LENGTHS_SQL, "COVERING INDEX ledger_by_model"),
    "what caches had for a template": (answers.TEMPLATE_CACHED_SQL, "batch_results_by_template"),
    "what caches had for a model": (answers.MODEL_CACHED_SQL, "ledger_by_project"),
    "what answers to a template searched": (answers.TEMPLATE_SEARCHED_SQL, "batch_results_by_template"),
    "what answers of a model searched": (answers.MODEL_SEARCHED_SQL, "ledger_by_project"),
    "what jobs hold back": (ledger_sums.RESERVED_SQL, "batch_jobs_by_reserve"),
}


@pytest.mark.parametrize("name", PLANS)
def test_every_question_about_jobs_is_answered_from_an_index(conn: sqlite3.Connection, name: str) -> None:
    sql, index = PLANS[name]
    plan = "; ".join(
        str(row[3]) for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
    )
    assert index in plan
    assert "TEMP B-TREE" not in plan


@pytest.fixture
def home(conn: sqlite3.Connection) -> sqlite3.Connection:
    projects.create(conn, "p", "Project", now=NOW)
    return conn


def _job(conn: sqlite3.Connection, job_id: str = "j", *, at: int = NOW, **members: Any) -> Job:
    return jobs.create(conn, Job(job_id, "p", at, **members))


def _rows(conn: sqlite3.Connection, *providers: str, job_id: str = "j") -> None:
    job_rows.insert_many(
        conn,
        job_id,
        (
            NewRow(f"{job_id}/{n}", n, {"id": str(n)}, f"Prompt {n}", name, f"{name}/m", "t", Decimal("0.5"))
            for n, name in enumerate(providers)
        ),
        NOW,
    )


def test_a_job_comes_back_as_it_was_made(home: sqlite3.Connection) -> None:
    made = _job(
        home,
        file_name="rows.csv",
        total_rows=3,
        estimate={"totalUSD": "0.123456789012"},
        concurrency=4,
        notify_rows=True,
        cost_usd=Decimal("0.000000000001"),
    )
    assert jobs.get(home, "j") == made
    assert jobs.get(home, "unknown") is None


def test_jobs_are_listed_newest_first_and_page_by_page(home: sqlite3.Connection) -> None:
    for number in range(5):
        _job(home, f"j{number}", at=NOW + number // 2)
    _job(home, "hidden", at=NOW + 9)
    home.execute("UPDATE batch_jobs SET status = 'storing' WHERE id = 'hidden'")
    listed = [job.id for job in jobs.list_page(home, "p", 10) or ()]
    assert listed == ["j4", "j2", "j3", "j0", "j1"]
    seen, cursor = list[str](), None
    while page := jobs.list_page(home, "p", 2, cursor):
        seen += [job.id for job in page]
        cursor = page[-1].id
    assert seen == listed
    assert jobs.list_page(home, "p", 2, "unknown") is None


@pytest.mark.parametrize(
    ("stored", "ended", "word"),
    [
        ("running", False, "processing"),
        ("RUNNING", False, "processing"),
        ("done?", True, "completed"),
        ("done?", False, "failed"),
        ("canceled", False, "cancelled"),
        ("pending", False, "pending"),
    ],
)
def test_old_words_of_jobs_are_read_tolerantly(stored: str, ended: bool, word: str) -> None:
    assert jobs.status_word(stored, ended=ended) == word


@pytest.mark.parametrize(
    ("stored", "answered", "word"),
    [
        ("completed", True, "success"),
        ("failed", False, "error"),
        ("?", True, "success"),
        ("?", False, "error"),
    ],
)
def test_old_words_of_rows_are_read_tolerantly(stored: str, answered: bool, word: str) -> None:
    assert job_rows.status_word(stored, answered=answered) == word


def test_rows_of_the_app_before_the_sidecar_keep_their_data_and_cost(home: sqlite3.Connection) -> None:
    _job(home, source="renderer")
    home.execute(
        "INSERT INTO batch_results (id, job_id, row_index, original_data, prompt, response, status, cost)"
        " VALUES ('old', 'j', 0, '{\"a\":1}', 'Hi', 'Ho', 'completed', 0.25)"
    )
    (row,) = job_rows.page(home, "j")
    assert row == JobRow(
        "old", "j", 0, "Hi", "success", data={"a": 1}, response="Ho", cost_usd=Decimal("0.25")
    )
    assert row_sweeps.reopen(home, "j", ["success"]) == 0


def test_rows_that_wait_are_given_in_order_by_provider(home: sqlite3.Connection) -> None:
    _job(home)
    _rows(home, "b", "a", "b", "a", "b")
    assert pending_rows.pending_providers(home, "j") == ["a", "b"]
    assert [row.row_index for row in pending_rows.next_pending(home, "j", "b", -1, 2)] == [0, 2]
    assert [row.row_index for row in pending_rows.next_pending(home, "j", "b", 2, 2)] == [4]
    assert pending_rows.pending_reserve(home, "j") == Decimal("2.5")
    assert job_rows.begin(home, "j/0", "q", NOW)
    assert not job_rows.begin(home, "j/0", "q", NOW)
    assert [row.row_index for row in pending_rows.next_pending(home, "j", "b", -1, 2)] == [2, 4]
    assert row_sweeps.jobs_with_begun_rows(home) == ["j"]


def test_a_row_ends_once_and_its_costs_add_up(home: sqlite3.Connection) -> None:
    _job(home)
    _rows(home, "a")
    job_rows.begin(home, "j/0", "q", NOW)
    failed = RowOutcome(
        "error", cost_usd=Decimal("0.1"), error_kind="invalid_output", error_message="No JSON."
    )
    assert job_rows.finish(home, "j/0", failed, NOW)
    assert not job_rows.finish(home, "j/0", RowOutcome("success"), NOW)
    assert row_sweeps.reopen(home, "j", ["error"]) == 1
    job_rows.begin(home, "j/0", "q", NOW)
    assert job_rows.finish(home, "j/0", RowOutcome("success", "A", 5, 6, Decimal("0.2"), 70), NOW)
    row = job_rows.get(home, "j/0")
    assert row is not None
    assert (row.status, row.attempts, row.cost_usd) == ("success", 2, Decimal("0.3"))
    assert (row.response, row.tokens_in, row.tokens_out, row.latency_ms) == ("A", 5, 6, 70)
    assert (row.error_kind, row.error_message) == (None, None)


def test_a_row_of_unknown_cost_has_none_rather_than_nothing(home: sqlite3.Connection) -> None:
    _job(home)
    _rows(home, "a")
    job_rows.begin(home, "j/0", "q", NOW)
    job_rows.finish(home, "j/0", RowOutcome("error-api"), NOW)
    row = job_rows.get(home, "j/0")
    assert row is not None
    assert row.cost_usd is None


def test_what_jobs_hold_back_counts_as_reserved(home: sqlite3.Connection) -> None:
    _job(home)
    jobs.reserve(home, "j", Decimal("1.5"))
    ledger.intent(home, LedgerEntry("e", NOW, "chat", estimate_usd=Decimal("0.25")))
    assert ledger_sums.reserved(home) == Decimal("1.75")
    jobs.unreserve(home, "j", Decimal("0.5"))
    assert ledger_sums.reserved(home) == Decimal("1.25")
    jobs.end(home, "j", "completed", now=NOW)
    assert ledger_sums.reserved(home) == Decimal("0.25")


def test_earlier_answers_tell_their_lengths_without_the_extremes(home: sqlite3.Connection) -> None:
    _job(home)
    _rows(home, *["a"] * 20)
    for number in range(20):
        job_rows.begin(home, f"j/{number}", "q", NOW)
        tokens = 100_000 if number == 19 else number + 1
        job_rows.finish(home, f"j/{number}", RowOutcome("success", "A", 1, tokens), NOW + number)
    assert answers.lengths(home, "p", "t", "a/m") == Lengths(20, 3, 5_010, 18)
    assert answers.lengths(home, "other", "t", "a/m") is None
    assert answers.lengths(home, "p", "other", "a/m") is None


def test_a_deleted_job_takes_its_rows_along(home: sqlite3.Connection) -> None:
    _job(home)
    _rows(home, "a", "b")
    assert jobs.delete(home, "j")
    assert job_rows.page(home, "j") == []
    assert not jobs.delete(home, "j")


def test_text_with_half_a_surrogate_pair_is_stored(home: sqlite3.Connection) -> None:
    _job(home, file_name="\ud83d.csv")
    row = NewRow("j/0", 0, {"id": "0", "data": {"x": "\ud83d"}}, "\ud83d", "a", "a/m", "t")
    job_rows.insert_many(home, "j", [row], NOW)
    (stored,) = job_rows.page(home, "j")
    assert stored.request == {"id": "0", "data": {"x": "\ud83d"}}
    assert stored.prompt == "\ufffd"
