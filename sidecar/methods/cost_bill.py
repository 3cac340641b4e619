"""The vendor's side of cost:reconcile: its figures, out of a file or asked for."""

from __future__ import annotations

import asyncio
import codecs
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.errors import Failure
from sidecar.key_names import ADMIN_KEY_VARIABLES, admin_key_of
from sidecar.methods.services import Request
from sidecar.money.bill_file import Bill, in_dollars, read_bill
from sidecar.money.bill_table import unread
from sidecar.money.priced_usage import priced
from sidecar.money.usage_file import read_usage
from sidecar.money.vendor_days import day_of
from sidecar.providers.bills import TellsCosts, TellsTiers, TierTokens
from sidecar.store.atomic_files import file_failure, source_file

if TYPE_CHECKING:
    from sidecar.contract.types import cost as types

# A bill of a year by day, model and unit takes a hundredth of it.
MOST_BILL_BYTES = 64 * 2**20


async def billed(
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
        return await asyncio.to_thread(_read, call, provider, text)
    name, by_key = admin_key_of(provider), app.providers.tells_costs(provider)
    key = await app.keys.get(name) if by_key else None
    teller = app.providers.get(provider)
    if key is not None and isinstance(teller, TellsCosts):
        last = min(last, day_of(app.now_ms(), pacific=provider == "gemini"))
        if last < first:
            return Bill(())
        try:
            lines = await app.keys.ask(name, lambda key: teller.costs(key, first, last))
            told = in_dollars(lines, first, last)
        except Failure as failure:
            raise _about_admin_key(failure, name) from failure
        if told.foreign and not told.lines:
            raise _in_other_money(provider, told)
        return told
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


async def counted_tiers(
    call: Request, params: types.CostReconcileParams, first: date, last: date
) -> tuple[TierTokens, ...]:
    """Return the vendor's tokens by service tier, where its bill does not name these and it was asked by a key."""
    app, provider = call.services, params.provider
    teller = app.providers.get(provider)
    if params.path or params.text is not None or not isinstance(teller, TellsTiers):
        return ()
    name, by_key = admin_key_of(provider), app.providers.tells_costs(provider)
    last = min(last, day_of(app.now_ms(), pacific=False))
    if not by_key or await app.keys.get(name) is None or last < first:
        return ()
    # Figures that explain a difference a little better are no reason to show none.
    with suppress(Failure):
        return await app.keys.ask(name, lambda key: teller.tiers(key, first, last))
    return ()


def _about_admin_key(failure: Failure, name: str) -> Failure:
    """Who reads of a refused key looks at the one that answers: it is another that was refused here."""
    if failure.kind != "invalid_api_key":
        return failure
    return Failure(
        failure.kind,
        f"The admin key that is saved as {name} was refused. Save another one under that name, or give the bill as a "
        "CSV file.",
        provider=failure.provider,
        status=failure.status,
        request_id=failure.request_id,
    )


def _in_other_money(provider: str, bill: Bill) -> Failure:
    currencies = " and ".join(currency for currency, _ in bill.foreign)
    return Failure(
        "unsupported",
        f"{provider} bills this account in {currencies}, and ours are dollars: they cannot be laid beside each other. "
        "Export the bill in USD as a CSV file, and give the path of that.",
        provider=provider,
    )


def _read(call: Request, provider: str, text: str) -> Bill:
    pacific = provider == "gemini"
    used = read_usage(text, provider, pacific=pacific)
    if used is not None:
        return priced(call.services.catalogue, provider, used)
    return read_bill(text, pacific=pacific)


def _text_of(source: Path) -> str:
    """The text of a bill, as consoles and tables write it. Raises OSError, and Failure for what is no bill's size."""
    if source.stat().st_size > MOST_BILL_BYTES:
        raise unread(f"The file is larger than {MOST_BILL_BYTES // 2**20} MB. Export the bill of fewer days.")
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
