"""What a gateway says that it charged: in its answer, or by the id of it in OpenRouter's own record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import PRICE_UNKNOWN, Usage
from sidecar.providers.kernel.client import VendorClient, in_path
from sidecar.providers.kernel.json_values import as_amount, as_count, as_mapping

_TOLD = ("cost", "total_cost", "cost_usd", "response_cost")
_CURRENCIES = ("currency", "cost_currency")
_WHOLE = ("total_cost", "total", "usd", "amount", "value")
_PARTS = (("input_cost", "output_cost"), ("prompt_cost", "completion_cost"), ("input", "output"))
_UPSTREAM = "upstream_inference_cost"
_UPSTREAM_PARTS = ("upstream_inference_prompt_cost", "upstream_inference_completions_cost")
# What may stand before or behind a number of dollars.
_IN_DOLLARS = re.compile(r"^(?:US)?\$\s*|^USD\s*|\s*USD$", re.IGNORECASE)
# To how much of a dollar a charge may be rounded that is told a second time.
_COARSEST = Decimal("0.0001")
# One tick is 1e-10 dollars.
_TICK_DIGITS = 10


def charged_usd(usage: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    """Return what the server says that it charged, None where it says nothing, and why that cannot be the whole.

    With a key of the person's own at the upstream (`is_byok`) the cost is a fee, and the upstream's comes on top.
    """
    every = [usage[name] for name in _TOLD if not _says_nothing(usage.get(name))]
    if usage.get("cost_in_usd_ticks") is not None:
        ticks = _dollars(usage["cost_in_usd_ticks"])
        if ticks is None or ticks != ticks.to_integral_value():
            return None, _so("the charge is impossible")
        every.append(str(ticks.scaleb(-_TICK_DIGITS)))
    told = every[0] if every else None
    if not _agree(every) and _yes(usage.get("is_byok")) is not True:
        return None, _so("the charge contradicts itself")
    if told is None:
        # Of all that is told the least certain, and more than nothing.
        told = usage.get("estimated_cost")
    beside = usage if not isinstance(told, Mapping) else told
    if any(str(beside.get(name) or "USD").upper() != "USD" for name in _CURRENCIES):
        return None, ""
    cost = _of_object(told) if isinstance(told, Mapping) else _dollars(told)
    own_key = _yes(usage.get("is_byok"))
    if cost is None and own_key:
        return None, _so("the gateway's own fee was not told")
    upstream = _upstream(as_mapping(usage.get("cost_details")))
    if cost is None or own_key is False:
        return cost, "" if told is None or cost is not None else _so("the charge is impossible")
    if own_key is None:
        # Whose key was used was not told: only a charge that has the upstream's in it is the whole one.
        whole = upstream is None or upstream <= cost
        return (cost, "") if whole else (None, _so("whether the upstream's charge comes on top was not told"))
    return (None, _so("the upstream's charge was not told")) if upstream is None else (cost + upstream, "")


def _so(why: str) -> str:
    """The doubt: what a server charges for more than its tokens, no price list bounds."""
    return f"{why}, so its {PRICE_UNKNOWN}"


def _says_nothing(told: Any) -> bool:
    return told is None or (isinstance(told, Mapping) and all(value is None for value in told.values()))


def _agree(charges: Sequence[Any]) -> bool:
    """Whether the amounts among these are the same, or one is another one rounded; any other leaves it to the first."""
    amounts = [
        amount
        for each in charges
        if (amount := _of_object(each) if isinstance(each, Mapping) else _dollars(each)) is not None
    ]
    return all(_same(one, other) for one, other in pairwise(sorted(amounts, key=_exponent)))


def _same(exact: Decimal, other: Decimal) -> bool:
    """Whether two amounts are one, of which the other may have been rounded to a few digits behind the point."""
    unit = Decimal(1).scaleb(_exponent(other))
    return exact == other or (unit <= _COARSEST and bool(other) and abs(exact - other) * 2 <= unit)


def _exponent(amount: Decimal) -> int:
    return int(amount.as_tuple().exponent)


def _yes(told: Any) -> bool | None:
    """A yes or a no, also as a text; None where neither was told."""
    if isinstance(told, str):
        told = {"true": True, "false": False}.get(told.strip().lower())
    return told if isinstance(told, bool) else None


def _of_object(told: Mapping[str, Any]) -> Decimal | None:
    whole = next((told[name] for name in _WHOLE if told.get(name) is not None), None)
    if whole is not None:
        return _dollars(whole)
    parts = next((names for names in _PARTS if all(name in told for name in names)), ())
    return _sum(told, parts)


def _upstream(details: Mapping[str, Any]) -> Decimal | None:
    whole = _dollars(details.get(_UPSTREAM))
    return whole if whole is not None else _sum(details, _UPSTREAM_PARTS)


def _sum(told: Mapping[str, Any], names: tuple[str, ...]) -> Decimal | None:
    amounts = [amount for name in names if (amount := _dollars(told.get(name))) is not None]
    return sum(amounts, Decimal(0)) if names and len(amounts) == len(names) else None


def _dollars(value: Any) -> Decimal | None:
    """The amount; None for what is none, and where a comma may stand for thousands or for the point."""
    if isinstance(value, str):
        value = _IN_DOLLARS.sub("", value.strip())
    if isinstance(value, str) and "," in value:
        return None
    amount = as_amount(value)
    return amount if amount is not None and amount >= 0 else None


async def call_record(api: VendorClient, roots: Sequence[str], key: str, response_id: str) -> Usage | None:
    """Return what was used and charged; None where there is no record of that call. Raises Failure."""
    for root in roots:
        try:
            answer = await api.json("GET", f"{root}/generation?id={in_path(response_id)}", api.asked(key))
        except Failure as failure:
            if failure.status in (400, 404, 405, 501):
                continue
            raise
        data = as_mapping(answer.get("data"))
        total = as_amount(data.get("total_cost"))
        if data.get("id") != response_id or total is None:
            return None
        if data.get("is_byok"):
            # Then the total is the gateway's fee, and what the vendor behind it took comes on top.
            upstream = as_amount(data.get("upstream_inference_cost"))
            if upstream is None:
                return None
            total += upstream
        prompt = as_count(data.get("native_tokens_prompt"))
        cached = min(as_count(data.get("native_tokens_cached")), prompt)
        output = as_count(data.get("native_tokens_completion"))
        reasoning = min(as_count(data.get("native_tokens_reasoning")), output)
        return Usage(
            in_uncached=prompt - cached,
            cache_read=cached,
            out_visible=output - reasoning,
            out_reasoning=reasoning,
            prompt_total=prompt,
            charged_usd=total,
        )
    return None
