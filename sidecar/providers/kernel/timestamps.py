"""Times as vendors write them -> milliseconds since 1970 (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def moment_ms(value: Any) -> int | None:
    """RFC 3339 text, or a number of seconds as a number or as text; None for what is no time."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return moment_ms(int(value)) if value.isascii() and value.isdigit() else None
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e11:
        return None
    return int(value * 1000)
