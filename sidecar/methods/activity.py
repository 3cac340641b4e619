"""activity:* — what was done, and what it cost."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sidecar import clock
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.money import spent_by_model
from sidecar.money.spent_by_model import ModelSpent
from sidecar.spending.budget import Balance, this_month
from sidecar.spending.budget import standing as balance
from sidecar.store import activity, daily
from sidecar.store.activity import ActivityEntry, Kind
from sidecar.store.daily import DaySpent
from sidecar.store.records import CERTAIN

if TYPE_CHECKING:
    from sidecar.contract.types import activity as types

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
    budget = await this_month(app.settings, now)
    standing = None
    if budget.limit_usd is not None:
        standing = await app.store.read(balance, budget.limit_usd, budget.since)
    by_day = {}
    if params.days is not None:
        days = clock.days_until(now, params.days)
        moments = [clock.day_start_ms(each) for each in (*days, days[-1] + datetime.timedelta(days=1))]
        sums = await app.store.read(daily.spent_between, moments, params.project_id)
        spent = zip(days, sums, strict=True)
        by_day = {"byDay": [_day(day, each) for day, each in spent]}
    models = spent_by_model.by_model(app.catalogue, found.spending)
    total = spent_by_model.add(*(each.cost_usd for each in models))
    lacking = {
        "monthUncertain": wire.bounds(found.month_uncertain, found.month_usd) or None,
        "weekUncertain": wire.bounds(found.week_uncertain, found.week_usd) or None,
    }
    return {
        "totalCost": float(total),
        "monthCost": float(found.month_usd),
        "weekCost": float(found.week_usd),
        "totalMessages": found.messages,
        "totalBatchJobs": found.jobs,
        "byModel": [
            {
                "model": each.model,
                **_cost(each),
                "calls": each.calls,
                "tokensIn": each.tokens_in,
                "tokensOut": each.tokens_out,
            }
            for each in models
        ],
        **by_day,
        **({} if standing is None else {"budget": _budget(standing)}),
        **wire.bounds(sum((each.uncertain for each in models), CERTAIN), total),
    } | wire.present(lacking)


def _budget(standing: Balance) -> dict[str, float]:
    held = standing.held_for_chats_usd + standing.held_for_batches_usd
    return {
        "limitUSD": float(standing.limit_usd),
        "spentUSD": float(standing.spent_usd),
        "uncertainUSD": float(standing.uncertain_usd),
        "heldBackUSD": float(held),
        "leftUSD": float(standing.left_usd),
    }


def _day(day: datetime.date, spent: DaySpent) -> dict[str, Any]:
    known = {"day": day.isoformat(), "cost": float(spent.cost_usd)}
    return known | wire.bounds(spent.uncertain, spent.cost_usd)


def _cost(spent: ModelSpent) -> dict[str, Any]:
    """What is known, which is nothing where no call's cost is: that is not a cost of 0."""
    known = {} if spent.uncertain.calls == spent.calls else {"cost": float(spent.cost_usd)}
    return known | wire.bounds(spent.uncertain, spent.cost_usd)


def week_start_ms(moment_ms: int) -> int:
    """The same time of day seven days before, local time: an hour more or less where clocks were changed."""
    local = datetime.datetime.fromtimestamp(moment_ms / 1000)
    return int((local - datetime.timedelta(days=7)).timestamp() * 1000)


def _item(item: ActivityEntry) -> dict[str, Any]:
    optional = {
        "preview": item.preview,
        # The renderer would print a stray 0, and a sum that lacks calls is not what it cost.
        "cost": None if item.uncertain.calls else float(item.cost_usd) or None,
        "tokenCount": item.tokens or None,
        "status": item.status,
    }
    always = {"id": item.id, "type": item.kind, "timestamp": item.at, "title": item.title}
    return always | wire.present(optional) | wire.bounds(item.uncertain, item.cost_usd)
