"""Counts of tokens that a vendor reports, kept from making a bill negative (pure)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sidecar.providers.base import ANSWER_UNTOLD, PRICE_UNKNOWN, Usage
from sidecar.providers.kernel.json_values import as_amount, as_mapping

_log = logging.getLogger(__name__)


def whole_number(value: Any) -> int | None:
    """Return a count of 0 or more; None for what is no such count."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
        return None
    return int(value) if value != float("inf") and value == int(value) else None


def doubt(prompt: Any, output: Any, parts: Mapping[str, tuple[Any, int]], total: Any, apart: int = 0) -> str:
    """Return why these counts cannot be right; empty where they can.

    `parts` are counts by name, each with the whole that it is a part of; `apart` are tokens that the total may hold
    beside the prompt and the output.
    """
    told, written = whole_number(prompt), whole_number(output)
    if not told:
        return "the size of the prompt was not told"
    if written is None:
        return ANSWER_UNTOLD
    for name, (part, whole) in parts.items():
        if part is not None and (whole_number(part) is None or int(part) > whole):
            return f"the count of {name.removesuffix('_tokens')} tokens is impossible"
    if total is not None and whole_number(total) not in (told + written, told + written + apart):
        return "the total contradicts its parts"
    return ""


def together(*doubts: str) -> str:
    """Return these doubts as one. What has no price stands last, and what is doubted in two ways is no single doubt."""
    found = dict.fromkeys(each for each in doubts if each)
    return "; ".join(sorted(found, key=lambda each: each.endswith(PRICE_UNKNOWN)))


def impossible(count: Any, name: str) -> str:
    """Return why a count beside the tokens cannot be right; empty where it can, or was not told."""
    wrong = count is not None and whole_number(count) is None
    return f"the count of {name} is impossible" if wrong else ""


def within(part: int, whole: int, name: str) -> int:
    """Return `part`, at most `whole`: a larger part would make another one negative, and a bill with it."""
    if part > whole:
        _log.warning(
            "the reported usage has %d %s tokens of only %d; %d are counted", part, name, whole, whole
        )
        return whole
    return part


def grown(before: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    """Return both reports as one. A count that is none (null) says nothing, one below 0 that nothing can be right."""
    whole = dict(before)
    for name, value in report.items():
        old = whole.get(name)
        if isinstance(value, Mapping):
            whole[name] = grown(as_mapping(old), value)
        elif value is None:
            whole.setdefault(name, None)
        else:
            whole[name] = _larger(old, value)
    return whole


def _larger(old: Any, new: Any) -> Any:
    """The larger of two numbers, also of those that came as texts; the one below 0 where there is one."""
    before, now = as_amount(old), as_amount(new)
    if before is None or now is None or isinstance(old, bool) or isinstance(new, bool):
        return new
    return (old if before < now else new) if min(before, now) < 0 else (old if before > now else new)


def added(before: Usage | None, now: Usage) -> Usage:
    """Return the usage of an answer that takes several requests, each billed for itself.

    The prompts are added too, so that no cached part can be larger than its whole.
    """
    if before is None:
        return now
    return Usage(
        in_uncached=before.in_uncached + now.in_uncached,
        cache_read=before.cache_read + now.cache_read,
        cache_write_short=before.cache_write_short + now.cache_write_short,
        cache_write_long=before.cache_write_long + now.cache_write_long,
        out_visible=before.out_visible + now.out_visible,
        out_reasoning=before.out_reasoning + now.out_reasoning,
        searches=before.searches + now.searches,
        prompt_total=before.prompt_total + now.prompt_total,
        service_tier=now.service_tier or before.service_tier,
        surcharges=now.surcharges or before.surcharges,
        requests=(*(before.requests or (before,)), *(now.requests or (now,))),
        doubt=now.doubt or before.doubt,
    )
