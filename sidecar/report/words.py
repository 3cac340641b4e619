"""Amounts, times and counts as a report spells them (pure)."""

from __future__ import annotations

from decimal import Decimal

from sidecar.report.figures import ColumnFigures


def dollars(usd: Decimal | float | None) -> str:
    """Dollars with as many places as tell something."""
    if usd is None:
        return "not known"
    amount = Decimal(usd) if isinstance(usd, Decimal) else Decimal(repr(usd))
    if amount == 0:
        return "$0"
    places = 2 if abs(amount) >= 1 else min(8, 2 - amount.adjusted())
    return f"${amount:,.{places}f}"


def cost(figures: ColumnFigures) -> str:
    """What a column cost, and between what it lies where that is not known."""
    if figures.least_usd == figures.cost_usd == figures.most_usd:
        return dollars(figures.cost_usd)
    most = "an unknown sum" if figures.most_usd is None else dollars(figures.most_usd)
    return f"{dollars(figures.least_usd)} to {most}"


def seconds(value: float | None) -> str:
    """Seconds, or a dash where there are none."""
    return "–" if value is None else f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


def share(part: int, whole: int) -> str:
    """So many of so many, with per cent."""
    return "–" if not whole else f"{part:,} of {whole:,} ({100 * part / whole:.0f} %)"
