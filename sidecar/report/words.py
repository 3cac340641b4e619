"""Amounts, times and counts as a report spells them (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sidecar import counted
from sidecar.report.figures import ColumnFigures
from sidecar.store.job_records import Job


def dollars(usd: Decimal | float | None) -> str:
    """The amount as everywhere (`counted.dollars`), or that it is not known."""
    return "not known" if usd is None else counted.dollars(usd)


def span(least: Decimal | float, most: Decimal | float | None) -> str:
    """Between what an amount lies."""
    return f"{counted.at_least(least)} to {'an unknown sum' if most is None else counted.at_most(most)}"


def cost(figures: ColumnFigures) -> str:
    """What a column cost, and between what it lies where that is not known."""
    if not figures.uncertain_calls:
        return dollars(figures.cost_usd)
    return span(figures.least_usd, figures.most_usd)


def per_answer(figures: ColumnFigures) -> str:
    """What an answer of a column cost on the average, as `cost` tells it; a dash without an answer."""
    between = figures.usd_per_answer_between
    if between is None:
        return "–"
    return span(*between) if figures.uncertain_calls else dollars(figures.usd_per_answer)


def came_to(job: Job) -> str:
    """What a batch came to, and how many of its calls are not in that."""
    lacks = job.uncertain
    if not lacks.calls:
        return dollars(job.cost_usd)
    most = None if lacks.unbounded else job.cost_usd + lacks.at_most_usd
    whole = span(job.cost_usd + lacks.at_least_usd, most)
    return f"{whole} ({dollars(job.cost_usd)} and {counted.counted(lacks.calls, 'call')} whose cost is not known)"


def lacking(columns: Iterable[ColumnFigures]) -> str:
    """The sentence that says how many calls are in no sum; nothing where all are."""
    number = sum(each.uncertain_calls for each in columns)
    if not number:
        return ""
    verb = "is" if number == 1 else "are"
    calls = counted.counted(number, "call")
    return f"{calls} whose cost is not known {verb} not in the sums: between what these lie is told."


def seconds(value: float | None) -> str:
    """Seconds, or a dash where there are none."""
    return "–" if value is None else f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


def share(part: int, whole: int) -> str:
    """So many of so many, with per cent."""
    return "–" if not whole else f"{part:,} of {whole:,} ({100 * part / whole:.0f} %)"
