"""Tokens out of a file that a console gives where it tells no charges: by day, model and kind of token (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import InvalidOperation

from sidecar.money.bill_amounts import Amounts
from sidecar.money.bill_cells import Days
from sidecar.money.bill_table import Table, is_sum, of_no_day, order_unknown, read_table, unread
from sidecar.money.bill_twins import one_of_each
from sidecar.money.bill_units import BATCH, STANDARD, tier_of
from sidecar.money.usage_columns import UsageColumns, usage_columns
from sidecar.providers.base import Usage

# Whose input leaves out what was cached, and whose output leaves out what was thought.
CACHE_BESIDE = frozenset({"anthropic"})
THOUGHT_BESIDE = frozenset({"grok", "gemini"})
UNKNOWN_KINDS = (
    "The file tells no charges, and not which of its tokens are of questions and which of answers: no cost can be made "
    "of them. Export the costs, or the usage with a column each for input and output tokens."
)
_Rows = Sequence[tuple[int, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class UsageLine:
    """A line: what was used on one of the vendor's days, by the model in its words. `batch`: by its batch service."""

    day: date
    model: str
    usage: Usage
    batch: bool


def read_usage(text: str, provider: str, *, pacific: bool) -> list[UsageLine] | None:
    """Return what the file says was used; None where it says what was charged, or is no such file.

    Raises Failure("invalid_params") for tokens that cannot be told apart, or a line that cannot be read.
    """
    table = read_table(text, lambda names: usage_columns(names).whole)
    at = usage_columns(table.names)
    if not at.whole:
        if at.names_tokens and at.total is None and at.day is not None and at.model is not None:
            raise unread(UNKNOWN_KINDS)
        return None
    found = [(number, cells) for number, cells in table.filled() if not of_no_day(cells[at.day or 0])]
    counts = _amounts(table, at.counts.values(), found, whole=True)
    if at.total is not None and not _is_of_tokens(table, at, found, counts):
        return None
    table.need_cells(found, max(at.counts.values()))
    table = one_of_each(table, (at.day, at.model, at.tier, at.batch, *at.counts.values()))
    at = usage_columns(table.names)
    days = Days((cells[at.day or 0] for _, cells in found), pacific=pacific)
    if days.ambiguous:
        raise order_unknown(days.ambiguous)
    lines: list[UsageLine] = []
    for number, cells in found:
        model = cells[at.model or 0].strip()
        if is_sum(model):
            continue
        try:
            day, told = days.read(cells[at.day or 0]), _counts(cells, at, counts)
        except (ValueError, InvalidOperation, OverflowError, OSError):
            raise unread(
                f"Line {number} has no day or no number of tokens that can be read. Correct or remove it."
            ) from None
        tier = tier_of(cells[at.tier].strip()) if at.tier is not None else STANDARD
        batch = tier == BATCH or (
            at.batch is not None and cells[at.batch].strip().lower() in ("true", "1", "yes")
        )
        service = None if tier in (BATCH, STANDARD) else tier
        lines.append(UsageLine(day, model, _usage(told, provider, service), batch))
    return lines


def _amounts(table: Table, places: Iterable[int], found: _Rows, *, whole: bool) -> Amounts:
    told = (cells[place] for _, cells in found for place in places)
    return Amounts(told, semicolons=table.between == ";", whole=whole)


def _is_of_tokens(table: Table, at: UsageColumns, found: _Rows, counts: Amounts) -> bool:
    """Whether what might be a cost is the sum of the tokens in every line."""
    place = at.total or 0
    # Dollars have a decimal point, and tokens may have one of thousands: each is read by its own cells.
    totals = _amounts(table, (place,), found, whole=False)
    thousands = _amounts(table, (place,), found, whole=True)
    for _, cells in found:
        try:
            told = _counts(cells, at, counts)
            total = {totals.read(cells[place]), thousands.read(cells[place])}
        except (ValueError, InvalidOperation):
            return False
        if total.isdisjoint((sum(told.values()), told.get("input", 0) + told["output"])):
            return False
    return bool(found)


def _counts(cells: Sequence[str], at: UsageColumns, counts: Amounts) -> dict[str, int]:
    found = {}
    for kind, place in at.counts.items():
        number = counts.read(cells[place])
        if number < 0 or number != number.to_integral_value():
            raise InvalidOperation
        found[kind] = int(number)
    return found


def _usage(told: Mapping[str, int], provider: str, service_tier: str | None) -> Usage:
    """The parts, which do not overlap. Writes of which the lifetime is not told are those of the shorter one."""
    cached, long = told.get("cached", 0), told.get("written long", 0)
    short = told.get("written short", max(0, told.get("written", 0) - long))
    uncached = told.get("uncached")
    if uncached is None:
        beside = provider in CACHE_BESIDE
        uncached = told["input"] if beside else max(0, told["input"] - cached - short - long)
    thought = told.get("reasoning", 0)
    visible = told["output"] if provider in THOUGHT_BESIDE else max(0, told["output"] - thought)
    return Usage(
        in_uncached=uncached,
        cache_read=cached,
        cache_write_short=short,
        cache_write_long=long,
        out_visible=visible,
        out_reasoning=thought,
        searches=told.get("searches", 0),
        prompt_total=uncached + cached + short + long,
        service_tier=service_tier,
    )
