"""So many of something, in words (pure)."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return "1 call" or "2,000 calls"; `many` where it is not `one` with an s behind it."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or one + 's'}"
