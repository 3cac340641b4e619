"""What the end of a request means for its money: whole, cut, refused, or not known; and the row that says so."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from sidecar.errors import Charged, Failure
from sidecar.money.charge import Charge, part_record, price_record
from sidecar.money.pricing import from_pico, to_pico
from sidecar.providers.base import ANSWER_LONGER, ANSWER_UNTOLD, SEARCH_BROKEN, TOOL_USED, Usage
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import ledger
from sidecar.store.records import CostEvidence, Settlement

# OpenAI's o200k, the largest that is public, makes one token of some 16 bytes at most, taken over a text (Georgian);
# long words of English have 14. Rows of one character, as those that indent code or rule a table, have up to 128 in a
# token, and count once.
MOST_BYTES_PER_TOKEN = 24
_ROWS = re.compile(r"(.)\1+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SoFar:
    """What a request that is under way has cost at least by now, in US dollars, and what that is made of."""

    usd: Decimal
    evidence: CostEvidence


def so_far(conn: sqlite3.Connection, entry_id: str, least: SoFar | None) -> None:
    """Keep what has come of a request that is under way: all that will be known of it if the process dies."""
    if least is not None and least.usd:
        ledger.keep_least(conn, entry_id, least.usd, least.evidence)


class Arrived(Protocol):
    """What has arrived of an answer. `begun`: anything that the vendor may charge for.

    `usage_is_final`: the usage is that of the whole answer. `least_tokens` are those of its text and thinking.
    `service_tier` is the one that was told before any usage.
    """

    @property
    def usage(self) -> Usage | None: ...
    @property
    def usage_is_final(self) -> bool: ...
    @property
    def least_tokens(self) -> int: ...
    @property
    def response_id(self) -> str | None: ...
    @property
    def service_tier(self) -> str | None: ...
    @property
    def begun(self) -> bool: ...


class Pricing(Protocol):
    """What a usage comes to by the price of the request's model and day; the `least` of an answer that did not end."""

    def __call__(self, usage: Usage | None, *, least: bool = False) -> Charge: ...


def least_tokens(text: str) -> int:
    """Return of how many tokens a text is at least: no tokenizer that is public takes two words for one (pure)."""
    return max(
        len(text.split()), len(_ROWS.sub(r"\1", text).encode("utf-8", "replace")) // MOST_BYTES_PER_TOKEN
    )


def least_of(arrived: Arrived) -> Usage | None:
    """Return what was used at least of what has arrived; None when nothing is known (pure).

    That is what the vendor has reported, and an answer as long as what has arrived: a count that was told when the
    answer began is not the count of the answer.
    """
    reported, written, tier = arrived.usage, arrived.least_tokens, arrived.service_tier
    if reported is None:
        return Usage(out_visible=written, service_tier=tier) if written else None
    reported = replace(reported, service_tier=reported.service_tier or tier)
    if reported.doubt in (ANSWER_UNTOLD, ANSWER_LONGER, SEARCH_BROKEN, TOOL_USED):
        reported = replace(reported, doubt="")
    if reported.doubt:
        # Counts that cannot be right are no bound; what has arrived was written all the same.
        return Usage(out_visible=written, service_tier=reported.service_tier, surcharges=reported.surcharges)
    return replace(reported, out_visible=reported.out_visible + max(0, written - reported.out_total))


def whole(arrived: Arrived, pricing: Pricing) -> Settlement:
    """Return the settlement of a request that ran to its end (pure)."""
    return _settled(arrived, pricing, incomplete=False)


def broken(
    problem: BaseException, arrived: Arrived, pricing: Pricing, *, in_flight: bool = True
) -> Settlement:
    """Return the settlement of a request that did not end well (pure).

    What is certain not to have run costs nothing; all else may have. `in_flight`: an answer was awaited.
    """
    refusal = isinstance(problem, Failure) and not isinstance(problem, OutcomeUnknown)
    waiting = not in_flight and not isinstance(problem, Failure)
    if (refusal or waiting) and not arrived.begun:
        return refused(problem.kind if isinstance(problem, Failure) else "cancelled")
    if arrived.usage is not None and arrived.usage_is_final:
        return _settled(arrived, pricing, incomplete=True)
    kind = "error" if isinstance(problem, Exception) else "cancelled"
    least = least_of(arrived)
    charge = pricing(least, least=True)
    # A vendor that broke down itself may charge nothing. What arrived, by whom and in which tier is known all the same.
    free = isinstance(problem, OutcomeUnknown) and problem.vendors_fault
    made_of = evidence(charge, least)
    return Settlement(
        "unknown",
        usage=least,
        served_model=charge.served_id,
        price=price_record(charge.price) if charge.price else None,
        request_id=arrived.response_id,
        error_kind=kind,
        incomplete=least is not None,
        at_least_usd=Decimal(0) if free else _rounded(charge.usd) or Decimal(0),
        evidence=replace(made_of, parts=None) if free else made_of,
        bounded=_bounded(arrived, pricing, charge),
    )


def tell_cost(failure: Charged, settlement: Settlement, reserved_usd: Decimal | None, entry_id: str) -> None:
    """Let the end of a request tell what that cost all the same, or what it may have cost, and under which id."""
    known = settlement.known_usd
    if known is None:
        failure.at_least_usd = settlement.at_least_usd
        failure.at_most_usd = settlement.at_most_usd(reserved_usd)
    elif known:
        failure.cost_usd = known
    if known is None or known:
        failure.call_id = entry_id


def refused(error_kind: str) -> Settlement:
    """Return the settlement of a request that certainly did not run (pure)."""
    return Settlement("failed", error_kind=error_kind)


def unknown(error_kind: str, request_id: str | None = None) -> Settlement:
    """Return the settlement of a request that may have run and been charged, of which nothing is known (pure)."""
    return Settlement("unknown", request_id=request_id, error_kind=error_kind)


def settle(
    conn: sqlite3.Connection,
    entry_id: str,
    settlement: Settlement,
    now: int,
    *,
    message_id: str | None = None,
) -> bool:
    """Write what came of a request. One that was settled, or failed, before stays as it is: False."""
    return ledger.settle(conn, entry_id, settlement, now, message_id=message_id)


def evidence(charge: Charge, usage: Usage | None) -> CostEvidence:
    """Return what the cost of a usage is made of, for the ledger to keep (pure)."""
    if usage is None:
        return CostEvidence()
    parts = None if charge.parts is None else tuple(part_record(part) for part in charge.parts)
    return CostEvidence(
        usage.service_tier or charge.tier,
        usage.surcharges,
        max(1, len(usage.requests)),
        charged=usage.charged_usd is not None,
        parts=parts,
    )


def _settled(arrived: Arrived, pricing: Pricing, *, incomplete: bool) -> Settlement:
    charge = pricing(arrived.usage)
    made_of, counted = charge, arrived.usage
    if charge.usd is None:
        # What is missing may be the usage alone: the answer that has arrived was written all the same.
        counted = least_of(arrived)
        made_of = pricing(counted, least=True)
    return Settlement(
        "settled",
        usage=arrived.usage,
        cost_usd=_rounded(charge.usd),
        served_model=charge.served_id,
        price=price_record(charge.price) if charge.price else None,
        request_id=arrived.response_id,
        incomplete=incomplete,
        at_least_usd=Decimal(0) if charge.usd is not None else _rounded(made_of.usd) or Decimal(0),
        evidence=evidence(made_of, counted),
        bounded=_bounded(arrived, pricing, charge),
    )


def _bounded(arrived: Arrived, pricing: Pricing, charge: Charge) -> bool:
    """Whether what was reserved bounds it: also by the service tier that was told before any usage."""
    told = arrived.service_tier
    return charge.bounded and (told is None or pricing(Usage(service_tier=told)).bounded)


def _rounded(usd: Decimal | None) -> Decimal | None:
    """As the ledger keeps it: what a person is told is what is stored."""
    return None if usd is None else from_pico(to_pico(usd))
