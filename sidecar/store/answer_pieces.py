"""The table of what has arrived of answers that are still being written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sidecar.store.columns import storable

Kind = Literal["text", "thinking", "text-was-thinking"]


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """A piece of an answer. `seq` counts from 1 on within it; of pieces that were joined it is the last one's.

    "text-was-thinking": all text before it is void, and was what the model thought.
    """

    seq: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class LeftAnswer:
    """What a request had brought when its process died; `kept_at` is when that was last written."""

    entry_id: str
    message_id: str
    label: str
    text: str
    thinking: str
    kept_at: int


def joined(pieces: Iterable[AnswerPiece]) -> list[AnswerPiece]:
    """Return the pieces with neighbours of one kind as one (pure)."""
    runs: list[list[AnswerPiece]] = []
    for piece in pieces:
        if runs and runs[-1][0].kind == piece.kind != "text-was-thinking":
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return [AnswerPiece(run[-1].seq, run[0].kind, "".join(each.text for each in run)) for run in runs]


def put_together(pieces: Iterable[AnswerPiece]) -> tuple[str, str]:
    """Return what the pieces come to: the text and the thinking (pure)."""
    text: list[str] = []
    thinking: list[str] = []
    for piece in pieces:
        if piece.kind == "text-was-thinking":
            text.clear()
        (text if piece.kind == "text" else thinking).append(piece.text)
    return "".join(text), "".join(thinking)


def append(
    conn: sqlite3.Connection,
    entry_id: str,
    message_id: str,
    label: str,
    pieces: Iterable[AnswerPiece],
    now: int,
) -> None:
    """Add pieces of an answer, unless its request is settled already."""
    conn.executemany(
        "INSERT INTO answer_pieces (entry_id, seq, kind, text, message_id, label, kept_at)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
        " WHERE EXISTS (SELECT 1 FROM ledger WHERE id = ?1 AND state = 'intent')",
        [
            (entry_id, piece.seq, piece.kind, storable(piece.text), message_id, storable(label), now)
            for piece in pieces
        ],
    )


def drop(conn: sqlite3.Connection, entry_id: str) -> None:
    """Forget the pieces of an answer: its message holds them, or nobody wants them."""
    conn.execute("DELETE FROM answer_pieces WHERE entry_id = ?", (entry_id,))


def left(conn: sqlite3.Connection) -> list[str]:
    """The requests of which there are pieces, in the order of their beginning."""
    rows = conn.execute("SELECT entry_id FROM answer_pieces GROUP BY entry_id ORDER BY min(kept_at)")
    return [str(row[0]) for row in rows]


def left_answer(conn: sqlite3.Connection, entry_id: str) -> LeftAnswer | None:
    """What is kept of one answer, put together."""
    rows = conn.execute(
        "SELECT seq, kind, text, message_id, label, kept_at FROM answer_pieces WHERE entry_id = ? ORDER BY seq",
        (entry_id,),
    ).fetchall()
    if not rows:
        return None
    text, thinking = put_together(AnswerPiece(*row[:3]) for row in rows)
    _, _, _, message_id, label, kept_at = rows[-1]
    return LeftAnswer(entry_id, message_id, label, text, thinking, kept_at)
