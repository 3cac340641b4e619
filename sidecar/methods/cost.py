"""cost:* — what would have been spent, and what the vendor says was."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.keys import ADMIN_KEY_VARIABLES, admin_key_of
from sidecar.methods import wire
from sidecar.methods.cost_lines import explained
from sidecar.methods.cost_settling import settle_unknown, settled_before
from sidecar.methods.services import Request
from sidecar.money import reprice as money
from sidecar.money.bill_file import Bill, read_bill
from sidecar.money.reconcile import ReconciledRow
from sidecar.money.reconcile import reconcile as lay_beside
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import BilledLine, TellsCosts
from sidecar.store import ledger
from sidecar.store.atomic_files import file_failure, source_file
from sidecar.store.records import LedgerEntry

if TYPE_CHECKING:
    from sidecar.contract.types import cost as types

PAGE = 1000
# As many keys as anybody reads.
MOST_KEYS = 10
_CENTS = Decimal("0.0001")
_DAY_MS = 86_400_000
NOTES = (
    "An organisation's figures include every program on the same account, and come minutes to hours late.",
    "Discounts, credits, taxes and commitments are not in our ledger.",
)

# A bill of a year by day, model and unit takes a hundredth of it.
MOST_BILL_BYTES = 64 * 2**20


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
        found = await read(ledger.of_message, params.message_id)
    elif params.job_id is not None:
        offset = params.offset or 0
        found = await read(ledger.of_job, params.job_id, params.row_id, params.limit or PAGE, offset)
        if offset and not found:
            return []
    else:
        raise _invalid("Name an answer by its messageId, or a batch by its jobId.", "messageId")
    if not found:
        raise Failure("not_found", "Nothing was spent under that id. Look for it in the list once more.")
    return [explained(entry) for entry in found]


async def reconcile(call: Request, params: types.CostReconcileParams) -> dict[str, Any]:
    app, provider = call.services, params.provider
    if provider not in app.providers.names():
        raise _invalid(f"There is no provider called {provider}.", "provider")
    first, last = _day(params.from_, "from"), _day(params.to, "to")
    if last < first:
        raise _invalid("The last day is before the first one.", "to")
    entries = await _entries(call, provider, first, last)
    before = settled_before(entries)
    settled = await settle_unknown(call, provider, entries)
    if settled:
        entries = await _entries(call, provider, first, last)
    settled = before + settled
    bill = await _billed(call, params, first, last, settled)
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
    )
    ours, theirs = (sum((each for each in column), start=0) for column in _columns(rows))
    return {
        "provider": provider,
        "oursUSD": float(ours),
        "theirsUSD": float(theirs),
        "differenceUSD": float(theirs - ours),
        "days": [_shown(row) for row in rows],
        "notes": [*settled, *_left_out(bill.left_out), *_by_key(bill.lines, first, last), *NOTES],
    }


def _left_out(lines: int) -> list[str]:
    told = f"Lines of the file that are sums, or of no day (taxes, credits), were left out: {lines}."
    return [told] if lines else []


def _by_key(lines: Sequence[BilledLine], first: date, last: date) -> list[str]:
    """What each key of the account was charged, where the vendor tells several; its names are not known here."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if first <= line.day <= last:
            sums[line.key] = sums.get(line.key, Decimal(0)) + line.usd
    if len(sums) < 2:
        return []
    dearest = sorted(sums.items(), key=lambda each: -each[1])[:MOST_KEYS]
    told = ", ".join(f"${usd.quantize(_CENTS):f} to {key or 'no key'}" for key, usd in dearest)
    more = "" if len(sums) <= MOST_KEYS else f", and more to {len(sums) - MOST_KEYS} others"
    return [f"The vendor charged {told}{more}. What is not to your key here is of other programs."]


def _columns(rows: list[ReconciledRow]) -> tuple[list[Any], list[Any]]:
    return [row.ours_usd for row in rows], [row.theirs_usd for row in rows]


async def _billed(
    call: Request, params: types.CostReconcileParams, first: date, last: date, settled: list[str]
) -> Bill:
    """The vendor's figures: out of a file, or asked with a key that is used for nothing else."""
    app, provider = call.services, params.provider
    text = params.text
    if params.path:
        source = source_file(params.path)
        try:
            text = await asyncio.to_thread(_text_of, source)
        except OSError as error:
            raise file_failure(error, source) from error
    if text is not None:
        return await asyncio.to_thread(read_bill, text, pacific=provider == "gemini")
    name, by_key = admin_key_of(provider), app.providers.tells_costs(provider)
    key = await app.keys.get(name) if by_key else None
    teller = app.providers.get(provider)
    if key is not None and isinstance(teller, TellsCosts):
        last = min(last, day_of(app.now_ms(), pacific=provider == "gemini"))
        return Bill(await teller.costs(key, first, last) if first <= last else ())
    if settled:
        return Bill(())
    if name in ADMIN_KEY_VARIABLES:
        message = (
            f"Missing API key for provider: {name}. Save an admin key under that name, or give a CSV file."
        )
        raise Failure("missing_api_key", message, provider=provider)
    other = (
        f" A gateway such as OpenRouter tells them to a management key: save that as {name}."
        if by_key
        else ""
    )
    raise Failure(
        "unsupported",
        f"{provider} tells nobody its charges by an ordinary key. Export the bill from its console as a CSV file, and "
        f"give the path of that.{other}",
        provider=provider,
    )


async def _entries(call: Request, provider: str, first: date, last: date) -> list[LedgerEntry]:
    """Our requests of these days and of one on either side: whose day a moment is in depends on the vendor."""
    since = int(datetime.combine(first, time(), UTC).timestamp() * 1000) - _DAY_MS
    until = int(datetime.combine(last + timedelta(days=1), time(), UTC).timestamp() * 1000) + _DAY_MS
    found: list[LedgerEntry] = []
    after = 0
    while True:
        page = await call.services.store.read(ledger.of_provider, provider, since, until, after, PAGE)
        found += [entry for _, entry in page]
        if len(page) < PAGE:
            return found
        after = page[-1][0]


def _shown(row: ReconciledRow) -> dict[str, Any]:
    at_most = row.at_most_usd if row.uncertain else None
    return {
        "day": row.day.isoformat(),
        "model": row.model,
        "oursUSD": float(row.ours_usd),
        "theirsUSD": float(row.theirs_usd),
        "differenceUSD": float(row.difference_usd),
        "calls": row.calls,
        "uncertain": row.uncertain,
        "units": [
            {
                "unit": unit,
                "oursUSD": float(row.ours_by_unit.get(unit, 0)),
                "theirsUSD": float(row.theirs_by_unit.get(unit, 0)),
            }
            for unit in sorted(row.ours_by_unit.keys() | row.theirs_by_unit.keys())
        ],
    } | wire.present(
        {
            "uncertainAtMostUSD": None if at_most is None else float(at_most),
            "explanation": row.explanation or None,
        }
    )


def _text_of(source: Path) -> str:
    """The text of a bill, as consoles and tables write it. Raises OSError, and Failure for what is no bill's size."""
    if source.stat().st_size > MOST_BILL_BYTES:
        raise _invalid(
            f"The file is larger than {MOST_BILL_BYTES // 2**20} MB. Export the bill of fewer days.", "path"
        )
    data = source.read_bytes()
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return data.decode("utf-16", "replace")
    if data[1:4:2] == b"\0\0":
        return data.decode("utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What tables of Windows write; only names of columns and models are in it.
        return data.decode("cp1252", "replace")


def _day(text: str, path: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid("This is no day. Write it as 2026-11-26.", path) from None


def _invalid(message: str, path: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": path, "message": message}])
