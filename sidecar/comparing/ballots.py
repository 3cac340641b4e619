"""Blind votes: answers without names, in an order that nobody chose, until somebody says which one is best."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sidecar.comparing.ratings import Choice, Shown
from sidecar.errors import Failure
from sidecar.store import conversations, job_rows, jobs, messages, votes
from sidecar.store.votes import TIE, Vote

_COSTS = ("costUSD", "costAtLeastUSD", "costAtMostUSD")
LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SAME_QUESTION_SQL = (
    "SELECT id FROM batch_results WHERE job_id = ?1 AND prompt = (SELECT prompt FROM batch_results WHERE id = ?2)"
    " AND status = 'success' AND response <> '' ORDER BY row_index LIMIT ?3"
)

Shuffle = Callable[[list["Candidate"]], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer that may be shown: its model and its cost. `reference` names it for later: its message or its row."""

    shown: Shown
    text: str
    reference: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ballot:
    """What is shown: the vote's id, the question, and the texts by their labels."""

    vote: Vote
    texts: tuple[tuple[str, str], ...]


def of_turn(conn: sqlite3.Connection, turn_id: str, vote_id: str, now: int, shuffle: Shuffle) -> Ballot:
    """Write a ballot on the answers of a turn. Raises Failure("not_found"), Failure("conflict") for fewer than two."""
    question = messages.get(conn, turn_id)
    conversation = None if question is None else conversations.get(conn, question.conversation_id)
    if question is None or conversation is None:
        raise Failure(
            "not_found", "There is no such question; it may have been deleted. Load the list again."
        )
    found = [
        Candidate(
            Shown(each.model or each.provider or "", each.cost_usd, each.at_least_usd, each.at_most_usd),
            each.content,
            {"messageId": each.id},
        )
        for each in messages.answers_of_turn(conn, turn_id)
        if each.content
    ]
    vote = Vote(vote_id, conversation.project_id, question.content, (), now, turn_id=turn_id)
    return _written(conn, vote, found, shuffle)


def of_row(
    conn: sqlite3.Connection, job_id: str, row_id: str, vote_id: str, now: int, shuffle: Shuffle
) -> Ballot:
    """Write a ballot on the answers to the question of a row, of all models that the batch asked it. Raises Failure."""
    job = jobs.get(conn, job_id)
    named = job_rows.get(conn, f"{job_id}/{row_id}") or job_rows.get(conn, row_id)
    if job is None or named is None or named.job_id != job_id:
        raise Failure("not_found", "There is no such row in this batch. Load the results again.")
    ids = [row[0] for row in conn.execute(SAME_QUESTION_SQL, (job_id, named.id, len(LABELS)))]
    rows = [row for row in (job_rows.get(conn, each) for each in ids) if row is not None]
    found = [
        Candidate(
            Shown(row.model or "", row.known_usd, *row.bounds_usd),
            row.response or "",
            {"rowId": row.id.removeprefix(f"{job_id}/")},
        )
        for row in rows
    ]
    vote = Vote(vote_id, job.project_id, named.prompt, (), now, job_id=job_id, row_id=row_id)
    return _written(conn, vote, found, shuffle)


def choices(decided: Sequence[Vote]) -> list[Choice]:
    """Return the votes as the board counts them (pure)."""
    return [
        Choice(
            [shown(each) for each in vote.answers],
            next((n for n, each in enumerate(vote.answers) if each["label"] == vote.winner), None),
        )
        for vote in decided
    ]


def shown(answer: Mapping[str, Any]) -> Shown:
    """Return what is kept of an answer of a vote; bounds of a cost are kept since these are told (pure)."""
    amounts = (answer.get(name) for name in _COSTS)
    return Shown(answer["model"], *(None if amount is None else Decimal(amount) for amount in amounts))


def check_winner(vote: Vote, winner: str) -> None:
    """Raise Failure for a label that was not shown."""
    if winner != TIE and winner not in {each["label"] for each in vote.answers}:
        labels = ", ".join(each["label"] for each in vote.answers)
        raise Failure("invalid_params", f"There is no such answer. Choose one of {labels}, or tie.")


def _written(conn: sqlite3.Connection, vote: Vote, found: list[Candidate], shuffle: Shuffle) -> Ballot:
    found = found[: len(LABELS)]
    if len(found) < 2:
        raise Failure(
            "conflict", "There are not two answers to choose from. Ask another model the same, then vote."
        )
    shuffle(found)
    answers: list[dict[str, Any]] = [
        {
            "label": label,
            "model": each.shown.model,
            **_costs(each.shown),
            **each.reference,
        }
        for label, each in zip(LABELS, found, strict=False)
    ]
    made = Vote(
        vote.id,
        vote.project_id,
        vote.question,
        answers,
        vote.created_at,
        vote.turn_id,
        vote.job_id,
        vote.row_id,
    )
    votes.insert(conn, made)
    return Ballot(made, tuple(zip(LABELS, (each.text for each in found), strict=False)))


def _costs(shown: Shown) -> dict[str, str | None]:
    amounts = (shown.cost_usd, shown.at_least_usd, shown.at_most_usd)
    return {
        name: None if usd is None else format(usd, "f") for name, usd in zip(_COSTS, amounts, strict=True)
    }
