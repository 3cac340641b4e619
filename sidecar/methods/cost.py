"""cost:* — what would have been spent."""

from __future__ import annotations

from typing import Any

from sidecar.contract.types import cost as types
from sidecar.methods.services import Request
from sidecar.money import reprice as money


async def reprice(call: Request, params: types.CostRepriceParams) -> dict[str, Any]:
    found = await money.reprice(
        call.services.store,
        call.services.catalogue,
        params.model_id,
        project_id=params.project_id,
        since=params.from_,
        until=params.to,
    )
    return {
        "actualUSD": float(found.actual_usd),
        "repricedUSD": float(found.repriced_usd),
        "calls": found.calls,
        "unpriced": found.unpriced,
        "byModel": [
            {
                "model": each.model,
                "actualUSD": float(each.actual_usd),
                "repricedUSD": float(each.repriced_usd),
                "calls": each.calls,
            }
            for each in found.by_model
        ],
    }
