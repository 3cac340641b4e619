from __future__ import annotations

import sqlite3

import pytest

from sidecar.store import conversations, ledger_sums, messages, projects, turns, vendor_batches

PLANS = {
    "projects, last used first": (projects.LIST_SQL, "projects_by_use"),
    "a page of conversations": (conversations.PAGE_SQL, "conversations_by_use"),
    "the next page of conversations": (conversations.NEXT_PAGE_SQL, "conversations_by_use"),
    "all messages of a conversation": (messages.LIST_SQL, "messages_by_time"),
    "a page of messages": (messages.PAGE_SQL, "messages_by_time"),
    "the page before a message": (messages.PAGE_BEFORE_SQL, "messages_by_time"),
    "the newest time of a conversation": (messages.NEWEST_TIME_SQL, "messages_by_time"),
    "the newest turn": (messages.NEWEST_TURN_SQL, "messages_by_time"),
    "earlier turns": (turns.EARLIER_TURNS_SQL, "messages_by_time"),
    "a model's answers in a turn": (turns.OWN_ANSWERS_SQL, "messages_by_turn"),
    "whether a model has answered": (turns.ANSWERED_SQL, "messages_by_turn"),
    "whether a model is answering": (turns.ATTEMPTED_SQL, "ledger_by_turn"),
    "the newest conversation without a name": (turns.NEWEST_UNNAMED_SQL, "conversations_by_origin"),
    "what chats under way hold": (ledger_sums.RESERVED_FOR_CHATS_SQL, "ledger_by_state"),
    "spending since": (ledger_sums.SPENT_SQL, "COVERING INDEX ledger_by_time"),
    "a project's spending since": (ledger_sums.SPENT_IN_PROJECT_SQL, "COVERING INDEX ledger_by_project"),
    "jobs of a project": (
        "SELECT * FROM batch_jobs WHERE project_id = ? ORDER BY created_at DESC, id LIMIT ?",
        "batch_jobs_by_project",
    ),
    "rows of a job": (
        "SELECT * FROM batch_results WHERE job_id = ? ORDER BY row_index",
        "batch_results_by_row",
    ),
    "parts that something is to come of": (vendor_batches.OPEN_SQL, "batch_parts_by_state"),
    "parts of a job": (vendor_batches.OF_JOB_SQL, "batch_parts_by_job"),
    "a part by its vendor's id": (vendor_batches.BY_NATIVE_ID_SQL, "batch_parts_by_native_id"),
    "rows of a part without a result": (vendor_batches.UNFINISHED_SQL, "batch_results_by_custom_id"),
    "rows of a part": (vendor_batches.MEMBERS_SQL, "batch_results_by_custom_id"),
    "rows of a part that travel": (vendor_batches.TRAVELLING_SQL, "batch_results_by_custom_id"),
    "a row of a part": (vendor_batches.ROW_SQL, "batch_results_by_custom_id"),
}


def _plan(conn: sqlite3.Connection, sql: str) -> str:
    rows = conn.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
    return "; ".join(str(row[3]) for row in rows)


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("name", PLANS)
def test_every_list_is_served_by_an_index_and_never_sorted(
    conn: sqlite3.Connection, name: str, analysed: bool
) -> None:
    if analysed:
        # Statistics, such as are gathered when the database is closed, must not lead the planner astray.
        projects.create(conn, "p", "p", now=1)
        for number in range(200):
            conversations.create(conn, "p", "n", str(number), number)
        conn.execute("ANALYZE")
    sql, index = PLANS[name]
    plan = _plan(conn, sql)
    assert index in plan
    assert "SCAN messages" not in plan
    assert "TEMP B-TREE" not in plan
