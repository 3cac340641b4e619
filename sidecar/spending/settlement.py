"""What the end of a request means for its money: whole, cut, refused, or not known; and the row that says so."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol

from sidecar.errors import Failure
from sidecar.money.charge import Charge, price_record
from sidecar.providers.base import Usage
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store import ledger


class Arrived(Protocol):
    """What has arrived of an answer. `begun`: anything that the vendor may charge for."""

    @property
    def usage(self) -> Usage | None: ...
    @property
    def response_id(self) -> str | None: ...
    @property
    def begun(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the ledger is told of a request: it ran (`settled`), did not (`failed`), or may have (`unknown`).

    `cost_usd` is None where a request that ran has no price. `incomplete`: the usage is what was known at the break.
    """

    state: Literal["settled", "failed", "unknown"]
    usage: Usage | None = None
    cost_usd: Decimal | None = None
    served_model: str | None = None
    price: Mapping[str, Any] | None = None
    request_id: str | None = None
    incomplete: bool = False
    error_kind: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the request ran to its end."""
        return self.state == "settled" and not self.incomplete

    @property
    def known_usd(self) -> Decimal | None:
        """What is certain to have been spent; None where that is not known."""
        return Decimal(0) if self.state == "failed" else self.cost_usd if self.state == "settled" else None


def whole(arrived: Arrived, charge: Charge) -> Settlement:
    """Return the settlement of a request that ran to its end (pure)."""
    return _settled(arrived, charge, incomplete=False)


def broken(problem: BaseException, arrived: Arrived, charge: Charge, *, in_flight: bool = True) -> Settlement:
    """Return the settlement of a request that did not end well (pure).

    What is certain not to have run costs nothing; all else may have. `in_flight`: an answer was awaited.
    """
    refusal = isinstance(problem, Failure) and not isinstance(problem, OutcomeUnknown)
    waiting = not in_flight and not isinstance(problem, Failure)
    if (refusal or waiting) and not arrived.begun:
        return refused(problem.kind if isinstance(problem, Failure) else "cancelled")
    if arrived.usage is None:
        return unknown("error" if isinstance(problem, Exception) else "cancelled", arrived.response_id)
    return _settled(arrived, charge, incomplete=True)


def refused(error_kind: str) -> Settlement:
    """Return the settlement of a request that certainly did not run (pure)."""
    return Settlement("failed", error_kind=error_kind)


def unknown(error_kind: str, request_id: str | None = None) -> Settlement:
    """Return the settlement of a request that may have run and been charged, which nothing says (pure)."""
    return Settlement("unknown", request_id=request_id, error_kind=error_kind)


def settle(
    conn: sqlite3.Connection,
    entry_id: str,
    settlement: Settlement,
    now: int,
    *,
    message_id: str | None = None,
) -> None:
    """Write what came of a request. One that was settled, or failed, before stays as it is."""
    match settlement.state:
        case "failed":
            ledger.fail(
                conn,
                entry_id,
                now=now,
                error_kind=settlement.error_kind or "",
                request_id=settlement.request_id,
            )
        case "unknown":
            ledger.mark_unknown(
                conn,
                entry_id,
                now=now,
                error_kind=settlement.error_kind,
                request_id=settlement.request_id,
            )
        case "settled":
            ledger.settle(
                conn,
                entry_id,
                now=now,
                usage=settlement.usage,
                cost_usd=settlement.cost_usd,
                served_model=settlement.served_model,
                message_id=message_id,
                price=settlement.price,
                request_id=settlement.request_id,
                incomplete=settlement.incomplete,
            )


def _settled(arrived: Arrived, charge: Charge, *, incomplete: bool) -> Settlement:
    return Settlement(
        "settled",
        usage=arrived.usage,
        cost_usd=charge.usd,
        served_model=charge.served_id,
        price=price_record(charge.price) if charge.price else None,
        request_id=arrived.response_id,
        incomplete=incomplete,
    )
