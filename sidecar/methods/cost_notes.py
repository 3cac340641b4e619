"""What is to be said beside a comparison with a bill: what it cannot know, and what of the bill is in no sum (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sidecar.counted import counted, dollars
from sidecar.money.bill_file import Bill
from sidecar.providers.bills import BilledLine

# As many as anybody reads.
MOST_KEYS = MOST_MODELS = 10
NOTES = (
    "An organisation's figures include every program on the same account, and come minutes to hours late.",
    "Discounts, credits, taxes and commitments are not in our ledger.",
)
PRICED = (
    "The file tells tokens and no charges. They were priced by the price list of here, at the rates of each day for "
    "prompts that are not long: this shows calls and tokens that one side lacks. It cannot show what was really "
    "charged, nor discounts, fees, long prompts and searches that the file does not count, and it settles no call "
    "whose cost is not known. Export the costs for that."
)


def notes(bill: Bill, first: date, last: date) -> list[str]:
    """Return what such a comparison cannot know, and what was found in the figures beside the days."""
    return [
        *_priced(bill),
        *_left_out(bill.left_out),
        *_outside(bill, first, last),
        *_foreign(bill),
        *_unread(bill),
        *_by_key(bill.lines, first, last),
        *NOTES,
    ]


def _priced(bill: Bill) -> list[str]:
    """What figures that were made of tokens can show and what not, and what is in none of them."""
    if not bill.priced:
        return []
    most = sorted(bill.unpriced, key=lambda each: -each[1])
    lacking = [f"{tokens} tokens of {model} have no price here and are in no sum." for model, tokens in most]
    if len(lacking) > MOST_MODELS:
        lacking[MOST_MODELS:] = [f"So have those of {len(lacking) - MOST_MODELS} further models."]
    return [PRICED, *lacking]


def _left_out(lines: int) -> list[str]:
    told = f"Lines of the file that are sums, or of no day (taxes, credits), were left out: {lines}."
    return [told] if lines else []


def _outside(bill: Bill, first: date, last: date) -> list[str]:
    """How much of the bill is of days that nobody asked for."""
    outside = [line for line in bill.lines if not first <= line.day <= last]
    if not outside:
        return []
    days = sorted({line.day for line in outside})
    span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    usd = dollars(sum((line.usd for line in outside), Decimal(0)))
    what = f"tokens of {counted(len(days), 'day')}" if bill.priced else counted(len(outside), "line")
    told = f"In no sum, for it is outside of {first} to {last}: {what} of the bill ({span}), {usd} together."
    return [f"{told} Ask for these days to see them."]


def _foreign(bill: Bill) -> list[str]:
    if not bill.foreign:
        return []
    told = " and ".join(f"{counted(lines, 'line')} in {currency}" for currency, lines in bill.foreign)
    return [f"In no sum, for ours are dollars: {told} of the vendor's bill."]


def _unread(bill: Bill) -> list[str]:
    if not bill.unread:
        return []
    told = counted(bill.unread, "line")
    return [
        f"In no sum, for no amount can be read of it: {told} of the vendor's bill. Look at the vendor's console."
    ]


def _by_key(lines: Sequence[BilledLine], first: date, last: date) -> list[str]:
    """What each key of the account was charged, where the vendor tells several; its names are not known here."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if first <= line.day <= last:
            sums[line.key] = sums.get(line.key, Decimal(0)) + line.usd
    if len(sums) < 2:
        return []
    dearest = sorted(sums.items(), key=lambda each: -each[1])[:MOST_KEYS]
    told = ", ".join(f"{dollars(usd)} to {key or 'no key'}" for key, usd in dearest)
    more = "" if len(sums) <= MOST_KEYS else f", and more to {len(sums) - MOST_KEYS} others"
    return [f"The vendor charged {told}{more}. What is not to your key here is of other programs."]
