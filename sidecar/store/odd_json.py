"""Whether the JSON of a column is what its readers go into (pure): the members that they name, and their kinds.

What is of the wrong kind as a whole is `odd_values`' business; here it is an object or an array already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from sidecar.store import safeguards
from sidecar.store.columns import from_json, to_json
from sidecar.store.job_records import LimitName, Safeguard

_LIMITS = frozenset(get_args(LimitName))
_PHASES = frozenset({"canary", "all"})
_SAFEGUARD = "batch_jobs.safeguard"
# Somebody wanted the batch to stop at a limit that nobody knows any more: at its first cost, and not at none.
_STOPS_AT_ONCE = Safeguard(limits={"totalUSD": 0})


def fits(column: str, text: Any) -> bool:
    """Return whether all of the text in the column `table.name` can be read by whoever reads it."""
    try:
        value = from_json(text)
    except (ValueError, TypeError, RecursionError):
        return False
    if column in _ITEMS:
        return isinstance(value, list) and all(_holds(_ITEMS[column], each) for each in value)
    if column == _CHAT:
        return isinstance(value, dict) and all(_holds(_chat_member, each) for each in value.items())
    return _holds(_WHOLES[column], value)


def mended(column: str, text: Any) -> str | None:
    """Return the text without what cannot be read in it; None where nothing can be kept of it."""
    if column == _SAFEGUARD:
        return safeguards.to_text(_STOPS_AT_ONCE)
    try:
        value = from_json(text)
    except (ValueError, TypeError, RecursionError):
        return None
    if column in _ITEMS and isinstance(value, list):
        return to_json([each for each in value if _holds(_ITEMS[column], each)])
    if column == _CHAT and isinstance(value, dict):
        return to_json({name: told for name, told in value.items() if _holds(_chat_member, (name, told))})
    return text if isinstance(text, str) and column in _WHOLES and _holds(_WHOLES[column], value) else None


def _holds(rule: Callable[[Any], bool], value: Any) -> bool:
    try:
        return rule(value)
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation, RecursionError):
        return False


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _amount(value: Any) -> bool:
    return isinstance(value, str | int | float) and Decimal(str(value)).is_finite()


def _safeguard(value: Any) -> bool:
    read = safeguards.from_value(value)
    return (
        type(read.canary) is int
        and read.phase in _PHASES
        and type(read.native) is bool
        and type(read.since) is int
        and read.limits.keys() <= _LIMITS
        and all(map(_number, read.limits.values()))
        and all(
            each.name in _LIMITS
            and _number(each.limit)
            and _number(each.measured)
            and type(each.recent_rows) is int
            for each in read.tripped
        )
    )


def _estimate(value: Any) -> bool:
    return "totalUSD" in value and all(map(_amount, value.values()))


def _line_of_a_bill(value: Any) -> bool:
    rate = value.get("ratePerMillionUSD")
    return (
        isinstance(value["unit"], str)
        and _number(value["quantity"])
        and _amount(value["usd"])
        and type(value.get("request", 1)) is int
        and (rate is None or _amount(rate))
    )


def _citation(value: Any) -> bool:
    return isinstance(value["url"], str) and isinstance(value["title"], str)


def _verdict(value: Any) -> bool:
    return isinstance(value["name"], str) and type(value["passed"]) is bool


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _chat_member(member: tuple[str, Any]) -> bool:
    name, told = member
    if told is None or name not in _CHAT_KINDS:
        return True
    kind = _CHAT_KINDS[name]
    return told in kind if isinstance(kind, frozenset) else kind(told)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _flag(value: Any) -> bool:
    return type(value) is bool


_CHAT = "projects.chat"
# What a project is asked with.
_CHAT_KINDS: Mapping[str, frozenset[str] | Callable[[Any], bool]] = {
    "promptCacheTTL": frozenset({"5m", "1h"}),
    "reasoningEffort": frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"}),
    "temperature": _number,
    "systemPrompt": _text,
    **dict.fromkeys(("maxOutputTokens", "maxWebSearchUses"), _count),
    **dict.fromkeys(("enableWebSearch", "enableExtendedThinking", "enablePromptCaching"), _flag),
}
_ITEMS: Mapping[str, Callable[[Any], bool]] = {
    "batch_results.verdicts": _verdict,
    "ledger.parts": _line_of_a_bill,
    "ledger.surcharges": _text,
    "messages.citations": _citation,
}
_WHOLES: Mapping[str, Callable[[Any], bool]] = {
    _SAFEGUARD: _safeguard,
    "batch_jobs.estimate": _estimate,
}
READ = frozenset({*_ITEMS, *_WHOLES, _CHAT})
