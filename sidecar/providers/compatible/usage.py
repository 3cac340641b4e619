"""The usage in the shapes that compatible servers give them (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.providers.base import Usage
from sidecar.providers.compatible.charges import charged_usd
from sidecar.providers.kernel.json_values import as_amount, as_count, as_mapping
from sidecar.providers.openai_family.usage import chat_usage

_PROMPT = (
    "prompt_tokens",
    "input_tokens",
    "prompt_token_count",
    "input_token_count",
    "prompt_eval_count",
    "tokens_evaluated",
    "request_tokens",
    "context_tokens",
    "n_prompt_tokens",
    "num_prompt_tokens",
    "tokens_in",
    "tokens_prompt",
    "prompt",
    "input",
)
_OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "candidates_token_count",
    "output_token_count",
    "eval_count",
    "tokens_predicted",
    "predicted_n",
    "response_tokens",
    "generated_tokens",
    "n_completion_tokens",
    "num_completion_tokens",
    "tokens_out",
    "tokens_completion",
    "completion",
    "output",
)
_TOTAL = ("total_tokens", "total_token_count")
_REASONING = ("reasoning_tokens", "thoughts_token_count", "thinking_tokens")
_CACHED = ("cached_tokens", "cache_read_tokens", "cache_read_input_tokens", "cache_read")
_PROMPT_DETAILS = (
    "prompt_tokens_details",
    "input_tokens_details",
    "prompt_token_details",
    "input_token_details",
)
_OUTPUT_DETAILS = (
    "completion_tokens_details",
    "output_tokens_details",
    "completion_token_details",
    "output_token_details",
)
_CACHED_BESIDE = (
    *_CACHED,
    "prompt_cache_hit_tokens",
    "num_cached_tokens",
    "cached_prompt_tokens",
    "cached_content_token_count",
    "cache_read_input_token_count",
    "cache_n",
)
_WRITTEN = (
    "cache_write_tokens",
    "cache_creation_tokens",
    "cache_creation_input_tokens",
    "cache_write_input_tokens",
    "cache_write_input_token_count",
)
# Whose count of the prompt leaves out what was cached, as Anthropic's does: it stands beside it under these names.
_BESIDE_PROMPT = ("cache_read_input_tokens", "cache_read_input_token_count", "cache_n")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DIGITS = re.compile(r"\d{1,15}")


def compatible_usage(told: Mapping[str, Any], service_tier: Any = None) -> Usage | None:
    """The usage, None when it counts nothing at all: no prompt is empty, so nothing was counted."""
    usage = _in_one_spelling(told)
    details = as_mapping(_first(usage, _PROMPT_DETAILS))
    prompt, written = _prompt(usage), _first(details, _WRITTEN) or _first(usage, _WRITTEN)
    cached = _first(details, _CACHED) or _first(usage, _CACHED_BESIDE) or _not_missed(usage, prompt)
    if _leaves_out_cached(usage, prompt):
        prompt = as_count(prompt) + as_count(cached) + as_count(written)
    whole = {
        **usage,
        "prompt_tokens": prompt,
        "completion_tokens": _output(usage, prompt),
        "total_tokens": _first(usage, _TOTAL),
        "completion_tokens_details": _first(usage, _OUTPUT_DETAILS),
        "prompt_tokens_details": {**details, "cached_tokens": cached, "cache_write_tokens": written},
    }
    parts = chat_usage(whole, service_tier)
    charged, doubt = charged_usd(usage)
    parts = replace(
        parts,
        charged_usd=charged,
        doubt=parts.doubt or doubt or _of_hits_and_misses(usage, prompt) or _heard(usage),
    )
    return parts if parts.prompt_total or parts.out_total or charged is not None else None


def _in_one_spelling(value: Any) -> Any:
    """Names as `prompt_tokens` however they are written, and counts that came as texts as numbers."""
    if isinstance(value, Mapping):
        return {_WORD.sub("_", name).lower(): _in_one_spelling(each) for name, each in value.items()}
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def _prompt(usage: Mapping[str, Any]) -> Any:
    # llama.cpp counts what it read anew, and beside it what it had from before.
    return usage["prompt_n"] if "prompt_n" in usage else _first(usage, _PROMPT)


def _not_missed(usage: Mapping[str, Any], prompt: Any) -> int | None:
    missed = usage.get("prompt_cache_miss_tokens")
    return as_count(prompt) - as_count(missed) if missed and as_count(missed) <= as_count(prompt) else None


def _of_hits_and_misses(usage: Mapping[str, Any], prompt: Any) -> str:
    """Why what the cache had and what it had not cannot be, where a server tells both."""
    told = [usage.get("prompt_cache_hit_tokens"), usage.get("prompt_cache_miss_tokens")]
    if None in told or sum(map(as_count, told)) == as_count(prompt):
        return ""
    return "what the cache had and what it had not are not the prompt"


def _heard(usage: Mapping[str, Any]) -> str:
    """Mistral counts sound in seconds beside the tokens, at a price of its own; nobody asks for it."""
    heard = as_amount(usage.get("prompt_audio_seconds"))
    return "it has seconds of sound, whose price is not known here" if heard else ""


def _leaves_out_cached(usage: Mapping[str, Any], prompt: Any) -> bool:
    """Whether the cached tokens stand beside the prompt and not in it: the total tells, else the names do."""
    if usage.get("prompt_tokens") is not None or not any(name in usage for name in _BESIDE_PROMPT):
        return False
    total = _first(usage, _TOTAL)
    return not total or as_count(total) != as_count(prompt) + as_count(_first(usage, _OUTPUT))


def _output(usage: Mapping[str, Any], prompt: Any) -> Any:
    """The output with its reasoning, which some servers count beside it: the total tells."""
    output = _first(usage, _OUTPUT)
    details = as_mapping(_first(usage, _OUTPUT_DETAILS))
    reasoning = as_count(_first(details, _REASONING) or _first(usage, _REASONING))
    apart = reasoning and as_count(_first(usage, _TOTAL)) == as_count(prompt) + as_count(output) + reasoning
    return as_count(output) + reasoning if apart else output


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first of these counts that says anything, else whatever stands there."""
    told = [usage[name] for name in names if usage.get(name) is not None]
    return next(filter(None, told), told[0] if told else None)
