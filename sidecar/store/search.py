"""Full-text search over messages."""

from __future__ import annotations

import json
import sqlite3
import unicodedata

from sidecar.store import conversations, cursors, messages
from sidecar.store.columns import storable
from sidecar.store.records import Conversation, SearchHit

_QUERY_CHARS = 1_000
_QUERY_WORDS = 32
_SNIPPET_TOKENS = 24
# Of a longer message the first place that is found is shown: SQLite looks for the best one in the square of how often
# its words stand there, and cannot be stopped meanwhile. Sixty thousand times one word took twenty seconds.
_LONG_BYTES = 10_000
_SNIPPET_CHARS = 240
_BEFORE_CHARS = 60
# What no text has around a word.
_OPEN, _CLOSE = "\x02", "\x03"

FIND_SQL = (
    "SELECT rowid FROM messages_fts WHERE messages_fts MATCH ?"
    # Few are earlier versions; looked up one by one, every match would be.
    " AND rowid NOT IN (SELECT seq FROM messages WHERE superseded_by IS NOT NULL)"
    " ORDER BY rank, rowid DESC LIMIT ? OFFSET ?"
)
FIND_IN_PROJECT_SQL = (
    "SELECT f.rowid FROM messages_fts f JOIN messages m ON m.seq = f.rowid"
    " JOIN conversations c ON c.id = m.conversation_id"
    " WHERE f.messages_fts MATCH ? AND c.project_id = ? AND m.superseded_by IS NULL"
    " ORDER BY f.rank, f.rowid DESC LIMIT ? OFFSET ?"
)
_MESSAGE_COLUMNS = messages.columns("m")
_CONVERSATION_COLUMNS = ", ".join(f"c.{name.strip()}" for name in conversations.COLUMNS.split(","))
# The snippet is cut for the rows of the page alone: sorted together with it, every match would be cut. They are picked
# out of one walk over the matches, hence the +: looked up one by one, each would gather all matches anew.
HITS_SQL = (
    f"SELECT {_MESSAGE_COLUMNS}, {_CONVERSATION_COLUMNS},"  # noqa: S608
    f" m.seq, CASE WHEN length(CAST(m.content AS BLOB)) > {_LONG_BYTES}"
    f" THEN highlight(messages_fts, 0, '{_OPEN}', '{_CLOSE}')"
    f" ELSE snippet(messages_fts, 0, '**', '**', '…', {_SNIPPET_TOKENS}) END"
    " FROM messages_fts f JOIN messages m ON m.seq = f.rowid JOIN conversations c ON c.id = m.conversation_id"
    " WHERE f.messages_fts MATCH ? AND +f.rowid IN (SELECT value FROM json_each(?))"
)


def search(
    conn: sqlite3.Connection,
    query: str,
    project_id: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> tuple[list[SearchHit], str | None]:
    """Messages that hold all the words (the last one may be the beginning of a word), best first, and the next cursor.

    Any text is a query; one without a word has no hits. A cursor counts hits, since a score changes with every
    message that is added. Raises Failure("invalid_params") for a garbled cursor.
    """
    offset = 0 if cursor is None else cursors.decode(cursor, int)[0]
    if offset < 0:
        raise cursors.garbled()
    match = match_expression(query)
    if match is None or limit <= 0:
        return [], None
    if project_id is None:
        found = conn.execute(FIND_SQL, (match, limit + 1, offset)).fetchall()
    else:
        found = conn.execute(FIND_IN_PROJECT_SQL, (match, project_id, limit + 1, offset)).fetchall()
    hits = _hits(conn, match, [seq for (seq,) in found[:limit]])
    return hits, cursors.encode([offset + limit]) if len(found) > limit else None


def match_expression(query: str) -> str | None:
    """The person's words as an FTS5 expression in which nothing of theirs is syntax; None when there is no word."""
    plain = storable(query[:_QUERY_CHARS]).replace('"', " ").replace("\0", " ")
    said = [(word, _as_token(word)) for word in plain.split()]
    # A word that was said before finds nothing more. The last one stays where it is: it may be a beginning.
    last_said = {token: place for place, (_, token) in enumerate(said)}
    words = [
        word
        for place, (word, token) in enumerate(said)
        if last_said[token] == place and any(map(_is_token_character, word))
    ][:_QUERY_WORDS]
    if not words:
        return None
    return " ".join(f'"{word}"' for word in words) + "*"


def _as_token(word: str) -> str:
    """The word without case and what stands around it; empty where nothing is left. Marks tell words apart."""
    kept = [
        each if _is_token_character(each) or unicodedata.category(each)[0] == "M" else " "
        for each in word.casefold()
    ]
    return " ".join("".join(kept).split())


def _is_token_character(character: str) -> bool:
    # What the unicode61 tokenizer takes as part of a word. A phrase without any would match nothing at all.
    category = unicodedata.category(character)
    return category[0] in "LN" or category == "Co"


def _hits(conn: sqlite3.Connection, match: str, seqs: list[int]) -> list[SearchHit]:
    by_seq = {row[-2]: row for row in conn.execute(HITS_SQL, (match, json.dumps(seqs)))}
    return [
        SearchHit(
            messages.record(row[: messages.WIDTH]), Conversation(*row[messages.WIDTH : -2]), _shown(row[-1])
        )
        # A message whose conversation another program took away is found and has nowhere to be shown.
        for row in (by_seq[seq] for seq in seqs if seq in by_seq)
    ]


def _shown(marked: str) -> str:
    """The snippet of a short message as it is; of a long one the place where its words are found first."""
    if _OPEN not in marked and len(marked) <= _LONG_BYTES:
        return marked
    found = max(0, marked.find(_OPEN))
    start = max(0, found - _BEFORE_CHARS)
    if start:
        # At a blank, where there is one.
        start = marked.find(" ", start, found) + 1 or start
    end = start + _SNIPPET_CHARS
    if end < len(marked):
        end = max(marked.rfind(" ", found + 1, end), marked.rfind(_CLOSE, found, end) + 1) or end
    shown = marked[start:end]
    if shown.count(_OPEN) > shown.count(_CLOSE):
        shown += _CLOSE
    shown = f"{'…' if start else ''}{shown}{'…' if end < len(marked) else ''}"
    return shown.replace(_OPEN, "**").replace(_CLOSE, "**")
