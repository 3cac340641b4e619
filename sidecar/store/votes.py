"""The table of blind votes: what was shown in which order, and which answer won."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sidecar.store.columns import from_json, storable, to_json

TIE = "tie"
_COLUMNS = "id, project_id, question, turn_id, job_id, row_id, answers, created_at, voted_at, winner, note"
DECIDED_SQL = (
    f"SELECT {_COLUMNS} FROM votes WHERE project_id = ? AND voted_at IS NOT NULL"  # noqa: S608
    " ORDER BY voted_at DESC, id LIMIT ? OFFSET ?"
)


@dataclass(frozen=True, slots=True)
class Vote:
    """A ballot, which is a vote once `voted_at` is set. `answers` are in the order in which they were shown: each has
    its label, its model, the message or the row that it is, and what it cost, as text. `winner` is a label, or "tie".
    """

    id: str
    project_id: str
    question: str
    answers: Sequence[Mapping[str, Any]]
    created_at: int
    turn_id: str | None = None
    job_id: str | None = None
    row_id: str | None = None
    voted_at: int | None = None
    winner: str | None = None
    note: str | None = None


def insert(conn: sqlite3.Connection, vote: Vote) -> None:
    """Write a ballot. Raises sqlite3.IntegrityError when there is no such project."""
    conn.execute(
        f"INSERT INTO votes ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            vote.id,
            vote.project_id,
            storable(vote.question),
            vote.turn_id,
            vote.job_id,
            vote.row_id,
            to_json([dict(each) for each in vote.answers]),
            vote.created_at,
            vote.voted_at,
            vote.winner,
            vote.note,
        ),
    )


def get(conn: sqlite3.Connection, vote_id: str) -> Vote | None:
    row = conn.execute(f"SELECT {_COLUMNS} FROM votes WHERE id = ?", (vote_id,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def decide(conn: sqlite3.Connection, vote_id: str, winner: str, note: str | None, now: int) -> Vote | None:
    """Write which answer won. None when there is no such ballot, or it was voted on before."""
    changed = conn.execute(
        "UPDATE votes SET winner = ?, note = ?, voted_at = ? WHERE id = ? AND voted_at IS NULL",
        (winner, None if note is None else storable(note), now, vote_id),
    )
    return get(conn, vote_id) if changed.rowcount else None


def decided(conn: sqlite3.Connection, project_id: str, limit: int = -1, offset: int = 0) -> list[Vote]:
    """A project's votes, newest first."""
    return [_record(row) for row in conn.execute(DECIDED_SQL, (project_id, limit, offset))]


def _record(row: tuple[Any, ...]) -> Vote:
    vote_id, project_id, question, turn_id, job_id, row_id, answers, created_at, voted_at, winner, note = row
    return Vote(
        vote_id,
        project_id,
        question,
        from_json(answers),
        created_at,
        turn_id,
        job_id,
        row_id,
        voted_at,
        winner,
        note,
    )
