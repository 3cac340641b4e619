"""The usage in the shapes that compatible servers give them (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.providers.base import Usage
from sidecar.providers.compatible.charges import charged_usd
from sidecar.providers.kernel.json_values import as_count, as_mapping, written_out
from sidecar.providers.kernel.token_counts import together, whole_number
from sidecar.providers.openai_family.usage import chat_usage
from sidecar.providers.openai_family.usage_doubts import CACHED_BESIDE, WRITTEN_BESIDE

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
_CACHED_HERE = (*CACHED_BESIDE, "cache_read", "cache_n")
# How long what was written is kept: Anthropic's two parts, which gateways put at several places.
_LIFETIMES = ("cache_creation", "cache_creation_token_details", "cache_write_tokens_details")
_SHORT = ("ephemeral_5m_input_tokens", "ttl_30m_tokens")
_LONG = ("ephemeral_1h_input_tokens", "ttl_12h_tokens")
# Whose count of the prompt leaves out what was cached, as Anthropic's does: it stands beside it under these names.
_BESIDE_PROMPT = ("cache_read_input_tokens", "cache_read_input_token_count", "cache_n")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DIGITS = re.compile(r"(\d{1,15})(?:\.0+)?")


def compatible_usage(told: Mapping[str, Any], service_tier: Any = None) -> Usage | None:
    """The usage, None when it counts nothing at all: no prompt is empty, so nothing was counted."""
    usage = _in_one_spelling(told)
    read, said = _details(usage, _PROMPT_DETAILS), _details(usage, _OUTPUT_DETAILS)
    prompt, cache = _prompt(usage), _cache(usage, as_mapping(read))
    if _leaves_out_cached(usage, prompt):
        prompt = sum(map(as_count, (prompt, cache["cached_tokens"], cache["cache_write_tokens"])))
    reasoning = _reasoning(usage)
    whole = {
        **usage,
        "prompt_tokens": _with_tools(usage, prompt),
        "completion_tokens": _output(usage, prompt, reasoning),
        "total_tokens": _first(usage, _TOTAL),
        "completion_tokens_details": {**said, "reasoning_tokens": reasoning} if _is_object(said) else said,
        "prompt_tokens_details": {**read, **cache} if _is_object(read) else read,
    }
    parts = chat_usage(whole, service_tier, own_kinds=True)
    charged, doubt = charged_usd(usage)
    parts = replace(
        parts,
        charged_usd=charged,
        doubt=together(parts.doubt, doubt, _of_hits_and_misses(usage, prompt)),
    )
    return parts if parts.prompt_total or parts.out_total or charged is not None else None


def _cache(usage: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """What was read from the cache and what was written to it, in OpenAI's words."""
    written, lifetimes = (
        _first(details, WRITTEN_BESIDE) or _first(usage, WRITTEN_BESIDE),
        _lifetimes(usage, details),
    )
    if written is None:
        written = sum(map(as_count, lifetimes.values())) or None
    cached = _first(details, _CACHED) or _first(usage, _CACHED_HERE) or _not_missed(usage, _prompt(usage))
    return {"cached_tokens": cached, "cache_write_tokens": written, "cache_write_tokens_details": lifetimes}


def _in_one_spelling(value: Any) -> Any:
    """Names as `prompt_tokens` however they are written, and counts that came as texts as numbers."""
    if isinstance(value, Mapping):
        return {_WORD.sub("_", name).lower(): _in_one_spelling(each) for name, each in value.items()}
    if isinstance(value, list):
        return _by_modality(value)
    found = _DIGITS.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else int(found[1])


def _by_modality(told: list[Any]) -> Any:
    """Google's list of counts by kind, as the object that others make of it; any other list as it is."""
    kinds = [as_mapping(each) for each in told]
    if not kinds or not all("modality" in kind and "tokenCount" in kind for kind in kinds):
        return told
    return {f"{str(kind['modality']).lower()}_tokens": kind["tokenCount"] for kind in kinds}


def _prompt(usage: Mapping[str, Any]) -> Any:
    # llama.cpp counts what it read anew, and beside it what it had from before.
    return usage["prompt_n"] if "prompt_n" in usage else _first(usage, _PROMPT)


def _not_missed(usage: Mapping[str, Any], prompt: Any) -> int | None:
    missed = usage.get("prompt_cache_miss_tokens")
    return max(0, as_count(prompt) - as_count(missed)) if missed else None


def _of_hits_and_misses(usage: Mapping[str, Any], prompt: Any) -> str:
    """Why what the cache had and what it had not cannot be, where a server tells both."""
    told = [usage.get("prompt_cache_hit_tokens"), usage.get("prompt_cache_miss_tokens")]
    counts = [whole_number(each) for each in told if each is not None]
    possible = None not in counts and sum(map(as_count, counts)) <= as_count(prompt)
    if possible and (None in told or sum(map(as_count, told)) == as_count(prompt)):
        return ""
    return "what the cache had and what it had not are not the prompt"


def _details(usage: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The parts of a count, also where they were written down as a text; {} where none are told."""
    return _in_one_spelling(written_out(_first(usage, names) or {}))


def _is_object(details: Any) -> bool:
    return isinstance(details, Mapping)


def _lifetimes(usage: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """What was written to the cache by how long it is kept, in OpenAI's words; any other time under its own name."""
    told = as_mapping(_first(details, _LIFETIMES) or _first(usage, _LIFETIMES))
    named = dict.fromkeys(_SHORT, "ttl_30m_tokens") | dict.fromkeys(_LONG, "ttl_12h_tokens")
    return {named.get(name, name): count for name, count in told.items()}


def _with_tools(usage: Mapping[str, Any], prompt: Any) -> Any:
    """The prompt with that of a vendor's own tools, which Google counts and bills beside it."""
    tools = usage.get("tool_use_prompt_token_count")
    return as_count(prompt) + as_count(tools) if whole_number(prompt) and tools else prompt


def _leaves_out_cached(usage: Mapping[str, Any], prompt: Any) -> bool:
    """Whether the cached tokens stand beside the prompt and not in it: the total tells, else the names do."""
    if usage.get("prompt_tokens") is not None or not any(name in usage for name in _BESIDE_PROMPT):
        return False
    if whole_number(prompt) is None:
        # What is beside a prompt of an untold size is not that prompt.
        return False
    total = _first(usage, _TOTAL)
    return not total or as_count(total) != as_count(prompt) + as_count(_first(usage, _OUTPUT))


def _reasoning(usage: Mapping[str, Any]) -> Any:
    return _first(as_mapping(_details(usage, _OUTPUT_DETAILS)), _REASONING) or _first(usage, _REASONING)


def _output(usage: Mapping[str, Any], prompt: Any, reasoning: Any) -> Any:
    """The output with its reasoning, which some servers count beside it: the total tells, else Google's names do."""
    output, thought, total = _first(usage, _OUTPUT), as_count(reasoning), _first(usage, _TOTAL)
    beside = (
        as_count(prompt) + as_count(usage.get("tool_use_prompt_token_count")) + as_count(output) + thought
    )
    apart = as_count(total) == beside if total else "thoughts_token_count" in usage
    return as_count(output) + thought if apart and thought and whole_number(output) is not None else output


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first of these counts that says anything, else whatever stands there."""
    told = [usage[name] for name in names if usage.get(name) is not None]
    return next(filter(None, told), told[0] if told else None)
