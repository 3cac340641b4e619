"""The usage in the shapes that compatible servers give them, and what a gateway says that it charged (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from sidecar.providers.base import Usage
from sidecar.providers.kernel.json_values import as_count, as_mapping
from sidecar.providers.openai_family.usage import chat_usage

_PROMPT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")
_CACHED = ("cached_tokens", "cache_read_tokens", "cache_read_input_tokens")
_CACHED_BESIDE = (*_CACHED, "prompt_cache_hit_tokens", "num_cached_tokens", "cached_prompt_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")


def compatible_usage(usage: Mapping[str, Any], service_tier: Any = None) -> Usage | None:
    """The usage, None when it counts nothing at all: no prompt is empty, so nothing was counted."""
    details = as_mapping(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    written = _first(details, _WRITTEN) or _first(usage, _WRITTEN)
    cached = _first(details, _CACHED) or _first(usage, _CACHED_BESIDE)
    whole = {
        **usage,
        "prompt_tokens": _first(usage, _PROMPT),
        "completion_tokens": _output(usage),
        "prompt_tokens_details": {**details, "cached_tokens": cached, "cache_write_tokens": written},
    }
    parts = chat_usage(whole, service_tier)
    charged, doubt = charged_usd(usage)
    parts = replace(parts, charged_usd=charged, doubt=parts.doubt or doubt or _missed(usage))
    return parts if parts.prompt_total or parts.out_total or charged is not None else None


def charged_usd(usage: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    """Return what the server says that it charged, None where it says nothing, and why that cannot be the whole.

    With a key of the person's own at the upstream (`is_byok`) the cost is a fee, and the upstream's comes on top.
    """
    told = usage.get("cost")
    cost = _dollars(told.get("total_cost") if isinstance(told, Mapping) else told)
    if usage.get("is_byok") is not True:
        return cost, "" if told is None or cost is not None else "the charge is impossible"
    if cost is None:
        return None, "the gateway's fee was not told"
    upstream = _dollars(as_mapping(usage.get("cost_details")).get("upstream_inference_cost"))
    return (None, "the upstream's charge was not told") if upstream is None else (cost + upstream, "")


def _missed(usage: Mapping[str, Any]) -> str:
    """DeepSeek tells the prompt's two parts, of which the cache had one and not the other."""
    hit, miss = usage.get("prompt_cache_hit_tokens"), usage.get("prompt_cache_miss_tokens")
    if hit is None or miss is None or as_count(hit) + as_count(miss) == as_count(_first(usage, _PROMPT)):
        return ""
    return "the prompt contradicts its parts"


def _output(usage: Mapping[str, Any]) -> Any:
    """The output with its reasoning, which some servers count beside it: the total tells."""
    output, prompt = _first(usage, _OUTPUT), _first(usage, _PROMPT)
    details = as_mapping(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    reasoning = as_count(details.get("reasoning_tokens") or usage.get("reasoning_tokens"))
    apart = (
        reasoning and as_count(usage.get("total_tokens")) == as_count(prompt) + as_count(output) + reasoning
    )
    return as_count(output) + reasoning if apart else output


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first of these counts that says anything, else whatever stands there."""
    told = [usage[name] for name in names if usage.get(name) is not None]
    return next(filter(None, told), told[0] if told else None)


def _dollars(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None
