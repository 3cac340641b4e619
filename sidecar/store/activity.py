"""What looks back: what was done in a project, and what was spent on which model."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from sidecar.store import conversations, ledger_sums, projects
from sidecar.store.columns import from_pico, summed, uncertain_from
from sidecar.store.records import CERTAIN, Conversation, Uncertain

Kind = Literal["chat", "batch"]

_PREVIEW_CHARS = 200
# Requests that ran, or may have run. The sign keeps the planner from taking an index by state for them.
RAN = "+state IN ('settled', 'unknown')"
_SPENT = (
    "SELECT coalesce(sum(cost_pico), 0), coalesce(sum(coalesce(prompt_total, 0) + coalesce(out_visible, 0)"
    " + coalesce(out_reasoning, 0)), 0) FROM ledger WHERE "
)
SPENT_IN_CONVERSATION_SQL = _SPENT + "conversation_id = ?"
SPENT_IN_JOB_SQL = _SPENT + "job_id = ?"
_UNCERTAIN = (
    "coalesce(sum(uncertain), 0), coalesce(sum(CASE WHEN uncertain THEN at_least_pico END), 0),"
    " coalesce(sum(CASE WHEN uncertain THEN at_most_pico END), 0),"
    " coalesce(sum(uncertain AND at_most_pico IS NULL), 0)"
)
NEWEST_TEXT_SQL = (
    "SELECT substr(content, 1, ?) FROM messages WHERE conversation_id = ? AND content <> '' AND superseded_by IS NULL"
    " ORDER BY timestamp DESC, seq DESC LIMIT 1"
)
JOBS_SQL = (
    "SELECT id, file_name, status, total_rows, uncertain_calls, uncertain_least_pico, uncertain_most_pico,"
    " unbounded_calls, created_at FROM batch_jobs WHERE project_id = ?"
    " ORDER BY created_at DESC, id LIMIT ?"
)

_BY_MODEL = (
    "SELECT served_model, model, coalesce(sum(cost_pico), 0), count(*), coalesce(sum(prompt_total), 0),"  # noqa: S608
    f" coalesce(sum(coalesce(out_visible, 0) + coalesce(out_reasoning, 0)), 0), {_UNCERTAIN} FROM ledger WHERE "
)
# In the order of the index, so that nothing is sorted; what is the same in several projects is added up afterwards.
BY_MODEL_SQL = f"{_BY_MODEL}{RAN} GROUP BY project_id, served_model, model"
BY_MODEL_IN_PROJECT_SQL = f"{_BY_MODEL}project_id = ? AND {RAN} GROUP BY served_model, model"
# Earlier versions are few, and have an index of their own.
MESSAGES_SQL = (
    "SELECT (SELECT count(*) FROM messages) - (SELECT count(*) FROM messages WHERE superseded_by IS NOT NULL)"
)
MESSAGES_IN_PROJECT_SQL = (
    "WITH own AS (SELECT id FROM conversations WHERE project_id = ?)"
    " SELECT (SELECT count(*) FROM messages WHERE conversation_id IN own)"
    " - (SELECT count(*) FROM messages WHERE superseded_by IS NOT NULL AND conversation_id IN own)"
)
JOBS_COUNT_SQL = "SELECT count(*) FROM batch_jobs"
JOBS_COUNT_IN_PROJECT_SQL = "SELECT count(*) FROM batch_jobs WHERE project_id = ?"


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """A conversation with its newest text, or a job with its status. What it cost is what the ledger knows of it.

    `uncertain` are its calls that are not in `cost_usd`.
    """

    id: str
    kind: Kind
    at: int
    title: str
    cost_usd: Decimal
    tokens: int
    uncertain: Uncertain = CERTAIN
    preview: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """Calls of one pair of names: the model that answered, where that is known, and the one that was asked."""

    served_model: str | None
    model: str | None
    cost_usd: Decimal
    calls: int
    tokens_in: int
    tokens_out: int
    uncertain: Uncertain = CERTAIN


@dataclass(frozen=True, slots=True)
class Stats:
    """All of one moment: the costs of `spending` add up to everything that is known to have been spent.

    The calls that are in no sum are told beside each.
    """

    spending: tuple[Spending, ...]
    month_usd: Decimal
    week_usd: Decimal
    month_uncertain: Uncertain
    week_uncertain: Uncertain
    messages: int
    jobs: int


def recent(
    conn: sqlite3.Connection, project_id: str, kinds: frozenset[Kind], limit: int
) -> list[ActivityEntry] | None:
    """What was done in a project, newest first, at most `limit` of it; None when there is no such project."""
    if projects.get(conn, project_id) is None:
        return None
    begun: list[tuple[int, str, Callable[[], ActivityEntry]]] = []
    if "chat" in kinds:
        for conversation in conversations.list_page(conn, project_id, limit):
            begun.append((conversation.last_used, conversation.id, _chat(conn, conversation)))
    if "batch" in kinds:
        for row in conn.execute(JOBS_SQL, (project_id, limit)):
            begun.append((row[-1], row[0], _batch(conn, *row)))
    begun.sort(key=lambda each: (-each[0], each[1]))
    # Costs are looked up for those alone that are shown.
    return [make() for _, _, make in begun[:limit]]


def stats(conn: sqlite3.Connection, project_id: str | None, month_start: int, week_start: int) -> Stats:
    """Spending and counts of a project, or of all. Times are in ms; spending counts when a request was begun."""
    named = () if project_id is None else (project_id,)
    groups = summed(conn, BY_MODEL_SQL if project_id is None else BY_MODEL_IN_PROJECT_SQL, named)
    spending = tuple(
        Spending(served, model, _usd(pico), calls, tokens_in, tokens_out, uncertain_from(*uncertain))
        for served, model, pico, calls, tokens_in, tokens_out, *uncertain in groups
    )
    messages = MESSAGES_SQL if project_id is None else MESSAGES_IN_PROJECT_SQL
    jobs = JOBS_COUNT_SQL if project_id is None else JOBS_COUNT_IN_PROJECT_SQL
    return Stats(
        spending=spending,
        month_usd=ledger_sums.spent_since(conn, month_start, project_id),
        week_usd=ledger_sums.spent_since(conn, week_start, project_id),
        month_uncertain=ledger_sums.uncertain_since(conn, month_start, project_id),
        week_uncertain=ledger_sums.uncertain_since(conn, week_start, project_id),
        messages=conn.execute(messages, named).fetchone()[0],
        jobs=conn.execute(jobs, named).fetchone()[0],
    )


def _chat(conn: sqlite3.Connection, conversation: Conversation) -> Callable[[], ActivityEntry]:
    def make() -> ActivityEntry:
        newest = conn.execute(NEWEST_TEXT_SQL, (_PREVIEW_CHARS, conversation.id)).fetchone()
        ((pico, tokens),) = summed(conn, SPENT_IN_CONVERSATION_SQL, (conversation.id,))
        return ActivityEntry(
            id=conversation.id,
            kind="chat",
            at=conversation.last_used,
            title=conversation.name,
            cost_usd=_usd(pico),
            tokens=tokens,
            uncertain=ledger_sums.uncertain_in_conversation(conn, conversation.id),
            preview=newest[0] if newest else None,
        )

    return make


def _batch(
    conn: sqlite3.Connection, job_id: str, file_name: str, status: str, rows: int, *told: int
) -> Callable[[], ActivityEntry]:
    *uncertain, created_at = told

    def make() -> ActivityEntry:
        ((pico, tokens),) = summed(conn, SPENT_IN_JOB_SQL, (job_id,))
        return ActivityEntry(
            id=job_id,
            kind="batch",
            at=created_at,
            title=file_name or f"Batch of {rows} row{'' if rows == 1 else 's'}",
            cost_usd=_usd(pico),
            tokens=tokens,
            uncertain=uncertain_from(*uncertain),
            # What the app before the sidecar called a job that is under way.
            status="processing" if status == "running" else status,
        )

    return make


def _usd(pico: int) -> Decimal:
    return from_pico(pico) or Decimal(0)
