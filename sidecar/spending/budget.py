"""The month's limit: what is spent, what is held back and for what, and the one sentence that refuses more.

Held back is what may yet be spent: by requests under way, and by the rows that jobs have yet to send.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Literal

from sidecar import clock
from sidecar.errors import Failure
from sidecar.settings import Settings
from sidecar.store import jobs, ledger_sums, pending_rows

What = Literal["answer", "searching", "batch", "row", "part", "unlimited", "continuation"]

_ASKED: dict[What, str] = {
    "answer": "this answer",
    "searching": "this answer, with all its searches,",
    "batch": "this batch, each of its rows asked once,",
    "row": "the next row",
    "part": "what goes to the provider next, by today's price,",
    "unlimited": "this answer, which the server writes without a limit alone,",
    "continuation": "the rest of this answer",
}
_ADVICE: dict[What, str] = {
    "answer": "or lower the answer's maximum length",
    "searching": "or allow fewer web searches or a shorter answer",
    "batch": "then start it again, or submit fewer rows or shorter answers",
    "row": "then start the batch again",
    "part": "then start the batch again, unless it goes on by itself",
    "unlimited": "or choose a model whose answers can be limited",
    "continuation": "then ask for the rest",
}
_NOTHING = Decimal(0)
# Cents are enough for most sums; below a millionth of a dollar nobody looks.
_FEWEST_PLACES, _ENOUGH_PLACES, _MOST_PLACES = 2, 6, 12
# Any number that a setting can hold has so many digits, behind its point and before it.
_ANY_LIMIT = Context(prec=400)


@dataclass(frozen=True, slots=True)
class Budget:
    """The month's limit in US dollars, None where there is none. `since` is the first moment of the month, in ms."""

    limit_usd: Decimal | None
    since: int


@dataclass(frozen=True, slots=True)
class Balance:
    """How the month stands, in US dollars. Held back is what may yet be spent by what runs.

    Uncertain is the most that calls may have cost of which that is not known.
    """

    limit_usd: Decimal
    spent_usd: Decimal
    uncertain_usd: Decimal
    held_for_chats_usd: Decimal
    held_for_batches_usd: Decimal

    @property
    def left_usd(self) -> Decimal:
        """Negative when more is spent and held back than the limit."""
        return self.limit_usd - sum(_figures(self))


async def this_month(settings: Settings, now: int) -> Budget:
    """Return the budget of the calendar month of `now` (ms), local time."""
    limit = (await settings.effective())["monthlyBudgetUSD"]
    return Budget(None if limit is None else _in_picodollars(Decimal(str(limit))), clock.month_start_ms(now))


def _in_picodollars(limit_usd: Decimal) -> Decimal:
    """The limit in the smallest unit that anything is counted in, and no more than it."""
    return limit_usd.quantize(Decimal(1).scaleb(-_MOST_PLACES), ROUND_FLOOR, _ANY_LIMIT)


def reserve(conn: sqlite3.Connection, budget: Budget, at_most_usd: Decimal | None, what: What) -> None:
    """Hold the request or job against the limit; whoever calls writes its hold in the same transaction.

    `at_most_usd` is the upper bound of its cost, None where no price is known: that cannot be counted, and whoever
    calls says so (`uncounted`). Raises Failure("budget_exceeded").
    """
    if budget.limit_usd is None:
        return
    balance = standing(conn, budget.limit_usd, budget.since)
    if (at_most_usd or _NOTHING) > balance.left_usd:
        raise Failure("budget_exceeded", refusal(balance, at_most_usd, what))


def uncounted(budget: Budget, at_most_usd: Decimal | None, name: str) -> tuple[str, ...]:
    """Return what a person is to be told of an answer that the budget cannot count (pure)."""
    if budget.limit_usd is None or at_most_usd is not None:
        return ()
    return (f"No price is known for {name}, so this month's budget does not count this answer.",)


def standing(conn: sqlite3.Connection, limit_usd: Decimal, since: int) -> Balance:
    """Return how a month stands that began at `since` (ms)."""
    chats = ledger_sums.reserved_for_chats(conn)
    return Balance(
        limit_usd,
        ledger_sums.spent_since(conn, since),
        ledger_sums.uncertain_since(conn, since).at_most_usd,
        chats,
        ledger_sums.reserved(conn) - chats,
    )


def refusal(balance: Balance, at_most_usd: Decimal | None, what: What) -> str:
    """Return the sentence that tells a person why `what` is refused, and which budget would do (pure).

    Its figures add up as they are shown, and what may yet be spent is at most what is shown.
    """
    places = _places(balance, at_most_usd)
    shown = _rounded(balance, places)
    left = f"{_dollars(shown.left_usd)} is left" if shown.left_usd > 0 else "nothing is left"
    asked = (
        f"no price is known for {_ASKED[what]}"
        if at_most_usd is None
        else f"{_ASKED[what]} may cost up to {_dollars(_round(at_most_usd, places, ROUND_CEILING))}"
    )
    return (
        f"This month's budget of {_dollars(shown.limit_usd)} would be exceeded: {_dollars(shown.spent_usd)} is spent, "
        f"{_uncertain(shown)}{_held(shown)}, {left}, and {asked}. Raise the budget in the settings"
        f"{_enough(balance, at_most_usd, places)}{_advice(shown, what)}."
    )


def _enough(balance: Balance, at_most_usd: Decimal | None, places: int) -> str:
    if at_most_usd is None:
        return ""
    enough = sum(_figures(balance), at_most_usd)
    return f" to {_dollars(_round(enough, places, ROUND_CEILING))} or more"


def _advice(balance: Balance, what: What) -> str:
    """What else can be done: where nothing is left, nothing that costs less would do either."""
    return "" if balance.left_usd <= 0 and _ADVICE[what].startswith("or ") else f", {_ADVICE[what]}"


def _uncertain(balance: Balance) -> str:
    if not balance.uncertain_usd:
        return ""
    return f"{_dollars(balance.uncertain_usd)} more may have been, by answers whose cost is not known, "


def _held(balance: Balance) -> str:
    chats, batches = balance.held_for_chats_usd, balance.held_for_batches_usd
    if chats and batches:
        parts = f"{_dollars(chats)} for chats under way, {_dollars(batches)} for batches"
        return f"{_dollars(chats + batches)} is held back ({parts})"
    if chats or batches:
        return f"{_dollars(chats or batches)} is held back for {'chats under way' if chats else 'batches'}"
    return "nothing is held back"


def _places(balance: Balance, at_most_usd: Decimal | None) -> int:
    """The fewest decimals with which what is asked exceeds what is left, and no figure that counts shows as nothing."""
    fewest = max(_FEWEST_PLACES, -int(balance.limit_usd.normalize().as_tuple().exponent))
    for places in range(fewest, _MOST_PLACES):
        shown = _rounded(balance, places)
        asked = _round(at_most_usd or _NOTHING, places, ROUND_CEILING)
        vanished = any(
            exact and not seen for exact, seen in zip(_figures(balance), _figures(shown), strict=True)
        )
        same_side = (balance.left_usd > 0) == (shown.left_usd > 0)
        if same_side and asked > shown.left_usd and not (vanished and places < _ENOUGH_PLACES):
            return places
    return max(fewest, _MOST_PLACES)


def _figures(balance: Balance) -> Iterable[Decimal]:
    return balance.spent_usd, balance.uncertain_usd, balance.held_for_chats_usd, balance.held_for_batches_usd


def _rounded(balance: Balance, places: int) -> Balance:
    spent, *may_be_spent = _figures(balance)
    most = (_round(each, places, ROUND_CEILING) for each in may_be_spent)
    return Balance(balance.limit_usd, _round(spent, places, ROUND_HALF_UP), *most)


def _round(usd: Decimal, places: int, rounding: str) -> Decimal:
    return usd.quantize(Decimal(1).scaleb(-places), rounding, _ANY_LIMIT)


def _dollars(usd: Decimal) -> str:
    """With cents, and with as many digits more as it has."""
    places = max(_FEWEST_PLACES, -int(usd.normalize().as_tuple().exponent))
    return f"${usd:,.{places}f}"


def hold(conn: sqlite3.Connection, job_id: str, budget: Budget | None = None) -> None:
    """Hold back the most that the job's waiting rows may cost, in place of what it held before.

    With a budget it is asked first: raises Failure("budget_exceeded"), and the transaction must not be kept then.
    """
    jobs.reserve(conn, job_id, Decimal(0))
    waiting = pending_rows.pending_reserve(conn, job_id)
    if budget is not None:
        reserve(conn, budget, waiting, "batch")
    jobs.reserve(conn, job_id, waiting)


def hold_again(conn: sqlite3.Connection, job_id: str, usd: Decimal | None) -> None:
    """Hold back the part of a row that waits again."""
    jobs.unreserve(conn, job_id, -(usd or Decimal(0)))


def give_back(conn: sqlite3.Connection, job_id: str, usd: Decimal | None) -> None:
    """Give back the part of a row that never left, or that its ledger row holds from now on."""
    jobs.unreserve(conn, job_id, usd)
