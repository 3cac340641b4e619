"""activity:* — what was done, and what it cost."""

from __future__ import annotations

import datetime
from typing import Any

from sidecar import clock
from sidecar.contract.types import activity as types
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.money import spending
from sidecar.store import activity
from sidecar.store.activity import ActivityEntry, Kind

ITEMS = 100
_KINDS: dict[str, frozenset[Kind]] = {
    "chat": frozenset({"chat"}),
    "batch": frozenset({"batch"}),
    "all": frozenset({"chat", "batch"}),
}


async def get(call: Request, params: types.ActivityGetParams) -> list[dict[str, Any]]:
    app = call.services
    kinds = _KINDS[params.type or "all"]
    found = await app.store.read(activity.recent, params.project_id, kinds, params.limit or ITEMS)
    if found is None:
        return []
    await app.session.name_project(params.project_id)
    return [_item(each) for each in found]


async def stats(call: Request, params: types.ActivityStatsParams) -> dict[str, Any]:
    app = call.services
    now = app.now_ms()
    found = await app.store.read(
        activity.stats, params.project_id, clock.month_start_ms(now), week_start_ms(now)
    )
    models = spending.by_model(app.catalogue, found.spending)
    return {
        "totalCost": float(spending.add(*(each.cost_usd for each in models))),
        "monthCost": float(found.month_usd),
        "weekCost": float(found.week_usd),
        "totalMessages": found.messages,
        "totalBatchJobs": found.jobs,
        "byModel": [
            {
                "model": each.model,
                "cost": float(each.cost_usd),
                "calls": each.calls,
                "tokensIn": each.tokens_in,
                "tokensOut": each.tokens_out,
            }
            for each in models
        ],
    }


def week_start_ms(moment_ms: int) -> int:
    """The same time of day seven days before, local time: an hour more or less where clocks were changed."""
    local = datetime.datetime.fromtimestamp(moment_ms / 1000)
    return int((local - datetime.timedelta(days=7)).timestamp() * 1000)


def _item(item: ActivityEntry) -> dict[str, Any]:
    optional = {
        "preview": item.preview,
        # The renderer would print a stray 0.
        "cost": float(item.cost_usd) or None,
        "tokenCount": item.tokens or None,
        "status": item.status,
    }
    return {"id": item.id, "type": item.kind, "timestamp": item.at, "title": item.title} | wire.present(
        optional
    )
