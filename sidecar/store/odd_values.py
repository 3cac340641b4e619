"""Values that cannot be in their columns, which another program has put there: found, and set right as well as it goes.

A table takes a text for a number where it is not strict, and a tool that edits databases makes it so without a word.
What is expected comes from a new database of this version, made in memory.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import get_args

from sidecar.store import odd_json, upgrade
from sidecar.store.records import FINISH_REASONS, SettledBy

_WORDS_CHECK = re.compile(r"CHECK \((\w+) IN \(('[^)]*')\)\)")
_JSON_CHECK = re.compile(r"json_valid\s*\(\s*(\w+)\s*\)")
# What the JSON of a column is, where its readers go into it.
_SHAPES = {
    **dict.fromkeys(
        ("projects.settings", "projects.chat", "ledger.price", "batch_jobs.estimate", "batch_jobs.safeguard"),
        "object",
    ),
    **dict.fromkeys(("batch_results.request", "batch_parts.counts", "history_rows.row"), "object"),
    **dict.fromkeys(
        ("ledger.surcharges", "ledger.parts", "messages.citations", "batch_jobs.checks"), "array"
    ),
}
_KINDS = {"INTEGER": ("integer",), "REAL": ("real", "integer"), "TEXT": ("text",)}
# Texts that are one of a few words without a CHECK that says so. Of a status any word is read: other apps wrote some.
_WORDS: Mapping[str, tuple[str, ...]] = {
    "messages.finish_reason": FINISH_REASONS,
    "ledger.settled_by": get_args(SettledBy),
}
# What stands for an unknown word, as SQL: never what would have something run, or be paid, once more.
_MEANT = {
    "batch_jobs.mode": "CASE WHEN EXISTS (SELECT 1 FROM batch_parts p WHERE p.job_id = batch_jobs.id) THEN 'native'"
    " ELSE 'local' END",
    "batch_parts.state": "'doubtful'",
    "ledger.state": "CASE WHEN cost_pico IS NULL THEN 'unknown' ELSE 'settled' END",
    "answer_pieces.kind": "'text'",
}
# As a whole number, where it is one; beyond this a float has no whole number of its own.
_NUMBER = (
    "CASE WHEN typeof({c}) = 'real' AND abs({c}) < 9e15 THEN CAST({c} AS INTEGER)"
    " WHEN typeof({c}) = 'text' AND CAST(CAST({c} AS INTEGER) AS TEXT) = trim({c}) THEN CAST({c} AS INTEGER)"
    " ELSE {lacking} END"
)
_REAL = "{lacking}"
# An id names one row alone.
_ID = "CASE WHEN {c} IS NULL THEN 'recovered-' || lower(hex(randomblob(8))) ELSE CAST({c} AS TEXT) END"
_TEXT = "CASE WHEN {c} IS NULL THEN {lacking} ELSE CAST({c} AS TEXT) END"


@dataclass(frozen=True, slots=True)
class _Column:
    """What a column of a sound database holds. `lacking` is what stands for a value that is not there, as SQL."""

    table: str
    name: str
    kind: str
    lacking: str
    nullable: bool
    json: bool
    shape: str | None
    key: bool
    words: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Its name with that of its table."""
        return f"{self.table}.{self.name}"

    @property
    def odd(self) -> str:
        """The condition of a row whose value cannot be there."""
        kinds = ", ".join(f"'{kind}'" for kind in (*_KINDS[self.kind], *(["null"] if self.nullable else [])))
        other = f"json_type({self.name}) <> '{self.shape}'" if self.shape else "0"
        broken = (
            f" OR (typeof({self.name}) = 'text' AND CASE WHEN json_valid({self.name}) THEN {other} ELSE 1 END)"
            if self.json
            else ""
        )
        if self.place in odd_json.READ:
            broken += f" OR ({self.name} IS NOT NULL AND NOT abai_fits('{self.place}', {self.name}))"
        if self.words:
            broken += f" OR {self.name} NOT IN ({', '.join(map(repr, self.words))})"
        return f"(typeof({self.name}) NOT IN ({kinds}){broken})"

    @property
    def right(self) -> str:
        """What takes the place of such a value."""
        if self.key and self.kind == "TEXT":
            made = _ID
        elif self.place in odd_json.READ:
            made = f"coalesce(abai_mended('{self.place}', {{c}}), {{lacking}})"
        elif self.words:
            made = _MEANT.get(self.place, "{lacking}")
        elif self.json:
            made = "{lacking}"
        else:
            made = {"INTEGER": _NUMBER, "REAL": _REAL, "TEXT": _TEXT}[self.kind]
        return made.format(c=self.name, lacking=self.lacking)


def set_right(conn: sqlite3.Connection) -> tuple[int, int]:
    """Put something in the place of each value that cannot be where it is: what it seems to mean, nothing, a default.

    Return how many were set right, and how many could not be. Reads all rows, but not their long texts.
    """
    done = left = 0
    conn.create_function("abai_fits", 2, odd_json.fits, deterministic=True)
    conn.create_function("abai_mended", 2, odd_json.mended, deterministic=True)
    there = {row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for column in _expected():
        if column.table not in there:
            continue
        found, still = _set_right(conn, column)
        done += found - still
        left += still
    return done, left


def _set_right(conn: sqlite3.Connection, column: _Column) -> tuple[int, int]:
    """Return how many values of a column could not be there, and how many still cannot."""
    count = f"SELECT count(*) FROM {column.table} WHERE {column.odd}"  # noqa: S608
    found = 0
    conn.execute("SAVEPOINT one_column")
    try:
        found = int(conn.execute(count).fetchone()[0])
        if not found:
            return 0, 0
        conn.execute(
            f"UPDATE OR IGNORE {column.table} SET {column.name} = {column.right} WHERE {column.odd}"  # noqa: S608
        )
        return found, int(conn.execute(count).fetchone()[0])
    except sqlite3.DatabaseError:  # a column that is not there, or a row that another one stands against
        conn.execute("ROLLBACK TO one_column")
        return found, found
    finally:
        conn.execute("RELEASE one_column")


@cache
def _expected() -> tuple[_Column, ...]:
    found: list[_Column] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        upgrade.make_new(conn)
        tables = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        virtual = [name for name, sql in tables if sql.startswith("CREATE VIRTUAL")]
        for table, sql in tables:
            if table.startswith(("sqlite_", *virtual)):
                continue
            json = set(_JSON_CHECK.findall(sql))
            checked = {
                name: tuple(re.findall(r"'([^']*)'", words)) for name, words in _WORDS_CHECK.findall(sql)
            }
            for _, name, kind, required, default, key in conn.execute(f"PRAGMA table_info({table})"):
                # The number of a row cannot be anything else.
                if kind not in _KINDS or (key and kind == "INTEGER"):
                    continue
                shape = _SHAPES.get(f"{table}.{name}")
                is_json = name in json or shape is not None
                empty = "0" if kind != "TEXT" else "'{}'" if is_json else "''"
                lacking = default or empty if required else "NULL"
                is_key = bool(key) or name == "id"
                words = checked.get(name) or _WORDS.get(f"{table}.{name}", ())
                found.append(_Column(table, name, kind, lacking, not required, is_json, shape, is_key, words))
    return tuple(found)
