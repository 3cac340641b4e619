"""cost:* — what would have been spent, and what the vendor says was."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.methods.cost_bill import billed, counted_tiers
from sidecar.methods.cost_lines import explained
from sidecar.methods.cost_notes import notes
from sidecar.methods.cost_settling import settle_unknown, settled_before
from sidecar.methods.services import Request
from sidecar.money import reprice as money
from sidecar.money.bill_tiers import differing, explain_by_tiers
from sidecar.money.reconcile import ReconciledRow
from sidecar.money.reconcile import reconcile as lay_beside
from sidecar.money.vendor_days import day_of
from sidecar.providers.nicknames import no_such_provider
from sidecar.store import ledger, ledger_lists
from sidecar.store.records import LedgerEntry

if TYPE_CHECKING:
    from sidecar.contract.types import cost as types

PAGE = 1000
_DAY_MS = 86_400_000
# No vendor is older, and two days more are counted with on either side.
_EARLIEST, _LATEST = date(2000, 1, 1), date(2999, 12, 31)


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


async def explain(call: Request, params: types.CostExplainParams) -> list[dict[str, Any]]:
    read = call.services.store.read
    if params.message_id is not None:
        # An answer outside of conversations has the id of its call.
        found = await read(ledger_lists.of_message, params.message_id) or await read(_call, params.message_id)
    elif params.call_id is not None:
        found = await read(_call, params.call_id)
    elif params.job_id is not None:
        offset = params.offset or 0
        found = await read(ledger_lists.of_job, params.job_id, params.row_id, params.limit or PAGE, offset)
        if offset and not found:
            return []
    else:
        raise _invalid(
            "Name an answer by its messageId, a call by its callId, or a batch by its jobId.", "messageId"
        )
    if not found:
        raise Failure("not_found", "Nothing was spent under that id. Look for it in the list once more.")
    return [explained(entry) for entry in found]


def _call(conn: sqlite3.Connection, call_id: str) -> list[LedgerEntry]:
    entry = ledger.get(conn, call_id)
    return [] if entry is None else [entry]


async def reconcile(call: Request, params: types.CostReconcileParams) -> dict[str, Any]:
    app, provider = call.services, params.provider
    if provider not in app.providers.names():
        raise _invalid(no_such_provider(provider, app.providers.names()), "provider")
    first, last = _day(params.from_, "from"), _day(params.to, "to")
    if last < first:
        raise _invalid("The last day is before the first one. Exchange the two.", "to")
    entries = await _entries(call, provider, first, last)
    before = settled_before(entries)
    settled = await settle_unknown(call, provider, entries)
    if settled:
        entries = await _entries(call, provider, first, last)
    settled = before + settled
    bill = await billed(call, params, first, last, settled)
    pacific = provider == "gemini"
    rows = lay_beside(
        app.catalogue,
        provider,
        entries,
        bill.lines,
        first,
        last,
        day_of(app.now_ms(), pacific=pacific),
        by_model=params.group != "day",
        priced=bill.priced,
    )
    if differing(rows):
        told = await counted_tiers(call, params, first, last)
        explain_by_tiers(app.catalogue, provider, rows, entries, told)
    ours, theirs = (sum((each for each in column), start=Decimal(0)) for column in _columns(rows))
    return {
        "provider": provider,
        "oursUSD": float(ours),
        "theirsUSD": float(theirs),
        "differenceUSD": float(theirs - ours),
        **_uncertain(rows),
        "days": [_shown(row) for row in rows],
        "notes": [*settled, *notes(bill, first, last)],
        **({"theirsPriced": True} if bill.priced else {}),
    }


def _columns(rows: list[ReconciledRow]) -> tuple[list[Decimal], list[Decimal]]:
    return [row.ours_usd for row in rows], [row.theirs_usd for row in rows]


async def _entries(call: Request, provider: str, first: date, last: date) -> list[LedgerEntry]:
    """Our requests of these days and of two on either side.

    Whose day a moment is in depends on the vendor, and what is settled needs all calls that may stand beside it.
    """
    since = int(datetime.combine(first, time(), UTC).timestamp() * 1000) - 2 * _DAY_MS
    until = int(datetime.combine(last + timedelta(days=1), time(), UTC).timestamp() * 1000) + 2 * _DAY_MS
    found: list[LedgerEntry] = []
    after = 0
    while True:
        page = await call.services.store.read(ledger_lists.of_provider, provider, since, until, after, PAGE)
        found += [entry for _, entry in page]
        if len(page) < PAGE:
            return found
        after = page[-1][0]


def _shown(row: ReconciledRow) -> dict[str, Any]:
    units = row.ours_by_unit.keys() | row.theirs_by_unit.keys() | row.their_counts.keys()
    counted = bool(row.their_counts)
    return {
        "day": row.day.isoformat(),
        "model": row.model,
        "oursUSD": float(row.ours_usd),
        "theirsUSD": float(row.theirs_usd),
        "differenceUSD": float(row.difference_usd),
        "calls": row.calls,
        **_uncertain([row]),
        "units": [
            {
                "unit": unit,
                "oursUSD": float(row.ours_by_unit.get(unit, 0)),
                "theirsUSD": float(row.theirs_by_unit.get(unit, 0)),
            }
            | (
                {"oursCount": row.our_counts.get(unit, 0), "theirsCount": row.their_counts.get(unit, 0)}
                if counted
                else {}
            )
            for unit in sorted(units)
        ],
    } | wire.present({"explanation": row.explanation or None})


def _uncertain(rows: list[ReconciledRow]) -> dict[str, Any]:
    """How many calls of these rows have no known cost, and what they may have cost more, where that is known."""
    calls, bounds = sum(row.uncertain for row in rows), [row.at_most_usd for row in rows if row.uncertain]
    most = [bound for bound in bounds if bound is not None]
    whole = bool(calls) and len(most) == len(bounds)
    return {"uncertain": calls} | ({"uncertainAtMostUSD": float(sum(most, Decimal(0)))} if whole else {})


def _day(text: str, path: str) -> date:
    """A day as it is written; one before or after all bills is the first or last there may be: "from the beginning"."""
    try:
        return min(max(date.fromisoformat(text), _EARLIEST), _LATEST)
    except ValueError:
        raise _invalid("This is no day. Write it as 2026-11-26.", path) from None


def _invalid(message: str, path: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": path, "message": message}])
