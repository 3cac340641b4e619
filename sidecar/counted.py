"""So many of something, or so much, in words (pure)."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

# Digits of less than a dollar that tell something; behind the last one is less than anybody is charged.
_DIGITS, _MOST_PLACES = 4, 15
_EXACT = Context(prec=400)


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return "1 call" or "2,000 calls"; `many` where it is not `one` with an s behind it."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or one + 's'}"


def dollars(usd: Decimal | float, rounding: str = ROUND_HALF_UP) -> str:
    """Return "$1,234.50", "$0.00123" or "$0.00": cents, and of less than a dollar four digits that tell something.

    What is shown to a person is shown so everywhere; only the budget's sentence has figures that add up.
    """
    amount = usd if isinstance(usd, Decimal) else Decimal(repr(usd))
    places = 2 if abs(amount) >= 1 or not amount else min(_MOST_PLACES, _DIGITS - 1 - amount.adjusted())
    shown = amount.quantize(Decimal(1).scaleb(-places), rounding, _EXACT)
    whole, _, digits = f"{abs(shown):,f}".partition(".")
    sign = "-" if shown < 0 else ""
    return f"{sign}${whole}.{digits.rstrip('0'):0<2}"


def at_least(usd: Decimal | float) -> str:
    """Return the amount as `dollars` does, rounded down: a bound that is shown must hold."""
    return dollars(usd, ROUND_FLOOR)


def at_most(usd: Decimal | float) -> str:
    """Return the amount as `dollars` does, rounded up."""
    return dollars(usd, ROUND_CEILING)
