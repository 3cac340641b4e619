"""Between Python values and columns: money and sums of it, JSON and text that SQLite can hold."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sidecar.store.records import Uncertain

_PICO = Decimal("1e-12")
_MOST_PICO = 2**63 - 1


def to_pico(usd: Decimal | None) -> int | None:
    """Dollars as whole 1e-12 dollars; 9.2 million dollars are the most that a column holds."""
    if usd is None:
        return None
    return max(-_MOST_PICO, min(int((usd / _PICO).to_integral_value(ROUND_HALF_EVEN)), _MOST_PICO))


def from_pico(pico: int | None) -> Decimal | None:
    return None if pico is None else Decimal(pico) * _PICO


def uncertain_from(calls: int, least_pico: int, most_pico: int, unbounded: int) -> Uncertain:
    return Uncertain(calls, Decimal(least_pico) * _PICO, Decimal(most_pico) * _PICO, unbounded)


def summed(conn: sqlite3.Connection, sql: str, named: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a query that holds sums of whole numbers and none of others.

    They are exact as long as they fit into 64 bits, which is up to 9.2 million dollars, and beyond that right to some
    fifteen digits: a server that tells its charges in millionths of a dollar is there after a handful of answers, and
    whoever asks what was spent, or has a limit, must have an answer all the same.
    """
    try:
        rows = conn.execute(sql, named).fetchall()
    except sqlite3.OperationalError as problem:
        if "integer overflow" not in str(problem):
            raise
        rows = conn.execute(sql.replace("sum(", "total("), named).fetchall()
    return [tuple(int(each) if isinstance(each, float) else each for each in row) for row in rows]


def usd_to_real(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def usd_from_real(value: float | None) -> Decimal | None:
    """The shortest decimal that is that float, not its 50 binary digits."""
    return None if value is None else Decimal(repr(value))


def to_json(value: Any) -> str:
    """ASCII, so that half a surrogate pair is kept too. Decimals become text. Raises ValueError for NaN."""
    return _to_json(value)


def from_json(text: str) -> Any:
    return json.loads(text)


def storable(text: str) -> str:
    """The text with halves of surrogate pairs joined or replaced: SQLite refuses what is not UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _decimal_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


# `json.dumps` makes one anew for each value.
_to_json = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_decimal_text).encode
