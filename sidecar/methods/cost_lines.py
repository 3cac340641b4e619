"""What the ledger keeps of a call, as the lines of its bill (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sidecar.methods import wire
from sidecar.store.records import LedgerEntry


def explained(entry: LedgerEntry) -> dict[str, Any]:
    """Return what the call cost and what that is made of. Nothing is looked up: all of it is from the stored row."""
    price = entry.price or {}
    # What was refused has no lines, and cost nothing: that is known.
    known = Decimal(0) if entry.state == "failed" else entry.cost_usd
    return {
        "model": entry.served_model or entry.model or "",
        "state": entry.state,
        "lines": [_line(part) for part in entry.parts or ()],
        "namedBy": "vendor" if entry.charged else "price list",
        "batchRate": entry.batch_rate,
        **({} if known is not None else wire.between(entry.at_least_usd, entry.at_most_usd)),
        **wire.present(
            {
                "costUSD": None if known is None else float(known),
                "rowId": entry.row_id and entry.row_id.removeprefix(f"{entry.job_id}/"),
                "priceFrom": price.get("from"),
                "priceSource": price.get("source"),
                "serviceTier": entry.service_tier,
                "surcharges": list(entry.surcharges) if entry.surcharges else None,
                "host": entry.host,
                "keyMark": entry.key_mark,
                "requests": entry.requests,
                "responseId": entry.request_id,
                "settledBy": entry.settled_by,
                "settledAt": entry.settled_at if entry.settled_by else None,
            }
        ),
    }


def _line(part: Mapping[str, Any]) -> dict[str, Any]:
    rate = part.get("ratePerMillionUSD")
    return {
        "unit": part["unit"],
        "quantity": part["quantity"],
        "usd": float(part["usd"]),
        "request": part.get("request", 1),
    } | wire.present({"ratePerMillionUSD": None if rate is None else float(rate)})
