"""Readings of values from a table that never checked any (pure); each gives the best reading, or None."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, NoReturn

_MAX_TIME_MS = 8_640_000_000_000_000  # the last moment that a JavaScript Date can hold
_MAX_INTEGER = 2**63 - 1
# What the contract takes of one call. Sums of more would not fit into a column.
_MAX_COUNT = 10**12
_MAX_USD = 1e6
_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
}


def text(value: Any) -> str | None:
    """Any value as text; a number as it would have been printed, bytes read as UTF-8."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def real(value: Any) -> float | None:
    """A finite number, also one that was stored as text."""
    if isinstance(value, (str, bytes)):
        try:
            value = float(text(value) or "")
        except ValueError:
            return None
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def integer(value: Any) -> int | None:
    """A whole number that SQLite can hold."""
    if isinstance(value, int):
        return value
    number = real(value)
    return None if number is None or abs(number) > _MAX_INTEGER / 2 else int(number)


def count(value: Any) -> int | None:
    """How many tokens, rows or milliseconds: a whole number that one call can have had."""
    number = integer(value)
    return number if number is not None and abs(number) <= _MAX_COUNT else None


def cost_usd(value: Any) -> float | None:
    """What one call, or one job, can have cost."""
    number = real(value)
    return number if number is not None and abs(number) <= _MAX_USD else None


def time_ms(value: Any) -> int | None:
    """Milliseconds since 1970 UTC, from a number or from ISO text (without a zone: UTC)."""
    number = integer(value)
    if number is None and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        number = round(moment.timestamp() * 1000)
    return number if number is not None and abs(number) <= _MAX_TIME_MS else None


def role(value: Any, *, has_model: bool) -> str:
    """user, assistant or system. What cannot be read was the model's when it names one."""
    known = _ROLES.get((text(value) or "").strip().lower())
    return known or ("assistant" if has_model else "user")


def json_text(value: Any) -> str | None:
    """JSON text that is valid; what cannot be read is kept as {"_unreadable": text}. None stays None."""
    raw = text(value)
    if raw is None:
        return None
    try:
        json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return json.dumps({"_unreadable": raw})
    return raw


def json_object_text(value: Any) -> str:
    """Like json_text, but always an object: nothing is {}, another value is kept as {"_unreadable": text}."""
    raw = text(value)
    if raw is None or not raw.strip():
        return "{}"
    readable = json_text(raw)
    if readable is not None and isinstance(json.loads(readable), dict):
        return readable
    return json.dumps({"_unreadable": raw})


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
