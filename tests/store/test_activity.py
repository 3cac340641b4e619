from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest

from sidecar.store import activity, conversations, ledger, messages, projects, recorded_calls
from sidecar.store.activity import ActivityEntry, Kind, Spending
from sidecar.store.recorded_calls import CallUsage
from sidecar.store.records import LedgerEntry, Message, Settlement, Uncertain
from tests.helpers.spending import spent
from tests.store.clock import NOW

BOTH: frozenset[Kind] = frozenset({"chat", "batch"})
CHATS: frozenset[Kind] = frozenset({"chat"})
BATCHES: frozenset[Kind] = frozenset({"batch"})

PLANS = {
    "jobs of a project": (activity.JOBS_SQL, "batch_jobs_by_project"),
    "the newest text": (activity.NEWEST_TEXT_SQL, "messages_by_time"),
    "a conversation's cost": (activity.SPENT_IN_CONVERSATION_SQL, "ledger_by_conversation"),
    "a job's cost": (activity.SPENT_IN_JOB_SQL, "COVERING INDEX ledger_by_job"),
    "spending by model": (activity.BY_MODEL_SQL, "COVERING INDEX ledger_by_model"),
    "a project's spending by model": (activity.BY_MODEL_IN_PROJECT_SQL, "COVERING INDEX ledger_by_model"),
    "how many messages": (activity.MESSAGES_SQL, "COVERING INDEX"),
    "how many messages of a project": (
        activity.MESSAGES_IN_PROJECT_SQL,
        "SEARCH messages USING COVERING INDEX",
    ),
    "how many jobs of a project": (
        activity.JOBS_COUNT_IN_PROJECT_SQL,
        "COVERING INDEX batch_jobs_by_project",
    ),
    "calls": (recorded_calls.CALLS_SQL, "SEARCH ledger USING INDEX ledger_by_time"),
    "calls of a project": (
        recorded_calls.CALLS_IN_PROJECT_SQL,
        "SEARCH ledger USING INDEX ledger_by_project",
    ),
}


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("name", PLANS)
def test_what_looks_back_is_served_by_an_index_and_never_sorted(
    conn: sqlite3.Connection, name: str, analysed: bool
) -> None:
    if analysed:
        for project in ("p", "q"):
            projects.create(conn, project, project, now=1)
        for number in range(200):
            talk = conversations.create(conn, "pq"[number % 2], "n", f"c{number}", number).id
            for each in range(4):
                messages.insert(conn, Message(f"m{number}-{each}", talk, "t", "user", "text", number))
            spent(conn, f"l{number}", "1", at=number, project="pq"[number % 2], conversation=talk, job=talk)
        conn.execute("ANALYZE")
    sql, index = PLANS[name]
    plan = "; ".join(row[3] for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")))
    assert index in plan
    # Calls begun in the same millisecond are put into order among themselves: no more than that is sorted.
    assert "TEMP B-TREE" not in plan.replace("USE TEMP B-TREE FOR RIGHT PART OF ORDER BY", "").replace(
        "USE TEMP B-TREE FOR LAST TERM OF ORDER BY", ""
    )


# A call of which nothing is known but that it ran: nothing bounds its cost.
ONE = Uncertain(1, unbounded=1)


@pytest.fixture
def talks(conn: sqlite3.Connection) -> sqlite3.Connection:
    """A project with three conversations and two jobs, a minute apart, and another project."""
    for project in ("p", "q"):
        projects.create(conn, project, project, now=NOW)
    for number in (0, 2, 4):
        conversations.create(conn, "p", f"Talk {number}", f"c{number}", NOW + number)
    for number, file_name, status in ((1, "rows.csv", "completed"), (3, "", "running")):
        conn.execute(
            "INSERT INTO batch_jobs (id, project_id, file_name, status, total_rows, total_cost, created_at)"
            " VALUES (?, 'p', ?, ?, ?, 99, ?)",
            (f"j{number}", file_name, status, number, NOW + number),
        )
    conversations.create(conn, "q", "Elsewhere", "cq", NOW)
    return conn


def _ids(conn: sqlite3.Connection, kinds: frozenset[Kind], limit: int = 100) -> list[str]:
    entries = activity.recent(conn, "p", kinds, limit)
    assert entries is not None
    return [entry.id for entry in entries]


def test_chats_and_batches_come_newest_first(talks: sqlite3.Connection) -> None:
    assert _ids(talks, BOTH) == ["c4", "j3", "c2", "j1", "c0"]
    assert _ids(talks, CHATS) == ["c4", "c2", "c0"]
    assert _ids(talks, BATCHES) == ["j3", "j1"]
    conversations.touch(talks, "c0", NOW + 10)
    assert _ids(talks, BOTH, limit=3) == ["c0", "c4", "j3"]


def test_an_item_has_its_newest_text_and_what_the_ledger_knows_of_its_cost(talks: sqlite3.Connection) -> None:
    for number, text in enumerate(("First", "Second " + "x" * 500, "")):
        messages.insert(
            talks, Message(f"m{number}", "c4", "m0", "user", text, NOW + number, cost_usd=Decimal(7))
        )
    spent(talks, "a", "0.1", at=NOW, conversation="c4")
    spent(talks, "b", "0.2", at=NOW, conversation="c4")
    spent(talks, "c", None, at=NOW, conversation="c4")
    spent(talks, "d", "4", at=NOW, job="j3")
    entries = activity.recent(talks, "p", BOTH, 3)
    assert entries == [
        ActivityEntry(
            "c4", "chat", NOW + 4, "Talk 4", Decimal("0.3"), 3_600, ONE, preview="Second " + "x" * 193
        ),
        ActivityEntry("j3", "batch", NOW + 3, "Batch of 3 rows", Decimal(4), 1_200, status="processing"),
        ActivityEntry("c2", "chat", NOW + 2, "Talk 2", Decimal(0), 0),
    ]


def test_a_job_has_the_name_of_its_file_and_its_status(talks: sqlite3.Connection) -> None:
    entries = activity.recent(talks, "p", BATCHES, 100)
    assert entries is not None
    assert (entries[-1].title, entries[-1].status) == ("rows.csv", "completed")


def test_a_project_that_does_not_exist_has_no_list(talks: sqlite3.Connection) -> None:
    assert activity.recent(talks, "unknown", BOTH, 100) is None


def test_spending_is_grouped_by_the_names_that_were_stored(talks: sqlite3.Connection) -> None:
    spent(talks, "a", "0.1", at=NOW)
    spent(talks, "b", None, at=NOW)
    spent(talks, "c", "0.25", at=NOW, served="openai/gpt-6.1-terra")
    spent(talks, "d", "3", at=NOW, project="q")
    ledger.intent(talks, LedgerEntry("open", NOW, "chat", project_id="p", model="openai/gpt-4o"))
    ledger.intent(talks, LedgerEntry("failed", NOW, "chat", project_id="p", model="openai/gpt-4o"))
    ledger.settle(talks, "failed", Settlement("failed", error_kind="timeout"), NOW)
    found = activity.stats(talks, "p", NOW, NOW)
    assert set(found.spending) == {
        Spending(None, "openai/gpt-4o", Decimal("0.1"), 2, 2_000, 400, ONE),
        Spending("openai/gpt-6.1-terra", "openai/gpt-4o", Decimal("0.25"), 1, 1_000, 200),
    }
    everywhere = activity.stats(talks, None, NOW, NOW)
    assert sum(each.cost_usd for each in everywhere.spending) == Decimal("3.35")
    assert sum(each.calls for each in everywhere.spending) == 4


def test_month_and_week_count_from_their_first_moment(talks: sqlite3.Connection) -> None:
    for entry_id, at, project in (("a", NOW - 1, "p"), ("b", NOW, "p"), ("c", NOW + 5, "p"), ("d", NOW, "q")):
        spent(talks, entry_id, "1", at=at, project=project)
    found = activity.stats(talks, "p", NOW, NOW + 5)
    assert (found.month_usd, found.week_usd) == (Decimal(2), Decimal(1))
    found = activity.stats(talks, None, NOW, NOW + 5)
    assert (found.month_usd, found.week_usd) == (Decimal(3), Decimal(1))


def test_messages_and_jobs_are_counted_in_one_project_or_in_all(talks: sqlite3.Connection) -> None:
    for number, talk in enumerate(("c0", "c0", "c2", "cq")):
        messages.insert(talks, Message(f"m{number}", talk, "t", "user", "text", NOW))
    counts = {project: activity.stats(talks, project, 0, 0) for project in ("p", "q", None, "unknown")}
    assert {project: (each.messages, each.jobs) for project, each in counts.items()} == {
        "p": (3, 2),
        "q": (1, 0),
        None: (4, 2),
        "unknown": (0, 0),
    }


def test_spending_outlives_the_project(talks: sqlite3.Connection) -> None:
    spent(talks, "a", "0.1", at=NOW)
    projects.delete(talks, "p")
    assert activity.stats(talks, "p", 0, 0).month_usd == Decimal("0.1")
    assert activity.stats(talks, None, 0, 0).month_usd == Decimal("0.1")


def test_calls_are_paged_oldest_first_without_a_gap_or_a_double(talks: sqlite3.Connection) -> None:
    # Many in one millisecond, with costs in another order than they came in.
    for number in range(30):
        at = NOW + number // 10
        spent(talks, f"l{number}", str(30 - number), at=at, project="pq"[number % 3 == 0])
    for project, expected in ((None, range(30)), ("p", [n for n in range(30) if n % 3])):
        seen: list[int] = []
        after = None
        while page := recorded_calls.calls_page(talks, 0, NOW + 100, project, after, limit=4):
            seen += [30 - int(call.cost_usd or 0) for call in page]
            after = page[-1].position
        assert seen == list(expected)


def test_calls_are_those_begun_in_the_window_that_ran_or_may_have_run(talks: sqlite3.Connection) -> None:
    for entry_id, at in (("before", NOW - 1), ("first", NOW), ("last", NOW + 9), ("after", NOW + 10)):
        spent(talks, entry_id, "1", at=at, served=entry_id)
    ledger.intent(talks, LedgerEntry("open", NOW, "chat"))
    ledger.intent(talks, LedgerEntry("unknown", NOW + 1, "chat", model="m"))
    ledger.settle(talks, "unknown", Settlement("unknown"), NOW)
    found = recorded_calls.calls_page(talks, NOW, NOW + 10)
    assert [call.served_model for call in found] == ["first", None, "last"]
    assert found[0].usage == CallUsage(1_000, 0, 0, 0, 150, 50, 0, 1_000)
    assert (found[1].usage, found[1].cost_usd) == (None, None)
