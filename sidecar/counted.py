"""So many of something, or so much, in words (pure)."""

from __future__ import annotations

from decimal import Decimal


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return "1 call" or "2,000 calls"; `many` where it is not `one` with an s behind it."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or one + 's'}"


def dollars(usd: Decimal) -> str:
    """Return "$1,234.50" or "$0.00123": cents, and of less than a dollar four digits that tell something."""
    places = 2 if abs(usd) >= 1 or not usd else min(12, 3 - usd.adjusted())
    whole, _, digits = f"{abs(usd):,.{places}f}".partition(".")
    sign = "-" if usd < 0 else ""
    return f"{sign}${whole}.{digits.rstrip('0'):0<2}" if usd else "$0"
