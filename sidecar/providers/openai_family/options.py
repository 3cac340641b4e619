"""What a request asks, what the model takes, and what is therefore sent (pure).

Asked for by name and impossible is a Failure; a saved setting or a hint that does not apply is left out and noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest
from sidecar.providers.openai_family.json_by_prompt import in_words
from sidecar.providers.openai_family.schema import SchemaFormat, schema_format

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# Every reasoning model of the vendor takes at least these, also one whose list is not published.
COMMON_EFFORTS = ("low", "medium", "high")
HIGHEST_TEMPERATURE = 2.0
DEFAULT_TEMPERATURE = 1.0

_ABILITIES = {
    "json_mode": "JSON mode",
    "json_schema": "JSON schemas",
    "web_search": "web search",
    "extended_thinking": "extended thinking",
    "reasoning": "reasoning efforts",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server speaks OpenAI's protocol; the defaults are the vendor's own ways.

    `unlisted_efforts` are those that a reasoning model takes whose list is not published. `loose_schemas` is
    whether a schema that cannot be enforced may be sent all the same, `json_in_words` whether the format
    field alone is not to be relied on. A field or stream option that is None is not sent.
    """

    title: str
    responses: bool = True
    developer_role: bool = True
    temperature_while_reasoning: bool = False
    unlisted_efforts: tuple[str, ...] = COMMON_EFFORTS
    loose_schemas: bool = True
    json_in_words: bool = False
    limit_field: str = "max_completion_tokens"
    search_limit_field: str | None = "max_tool_calls"
    chat_stream_options: Mapping[str, bool] | None = field(
        default_factory=lambda: {"include_usage": True, "include_obfuscation": False}
    )
    responses_stream_options: Mapping[str, bool] | None = field(
        default_factory=lambda: {"include_obfuscation": False}
    )


@dataclass(frozen=True, slots=True)
class Choices:
    """The request after every decision. None or False is not sent.

    `instruction` asks for JSON in words, where no field does it or none can be relied on.
    """

    api: Literal["chat", "responses"]
    effort: str | None
    temperature: float | None
    max_output_tokens: int | None
    search_max_uses: int | None
    summaries: bool
    json_mode: bool
    schema: SchemaFormat | None
    instruction: str | None
    notes: tuple[str, ...]


def resolve_options(request: ChatRequest, dialect: Dialect, *, only_responses: bool = False) -> Choices:
    """Raises Failure("unsupported") for what was asked by name and the model cannot do.

    `only_responses` is a model that chat completions do not serve.
    """
    notes: list[str] = []
    searches = _search(request, dialect, notes)
    summaries = _thinking(request, dialect, notes)
    effort = _effort(request, dialect, searches is not None, notes)
    json_mode, schema, instruction = _json(request, dialect, notes)
    _cache(request, dialect, notes)
    on_responses = only_responses or searches is not None or summaries or effort == "max"
    return Choices(
        api="responses" if on_responses and dialect.responses else "chat",
        effort=effort,
        temperature=_temperature(request, dialect, effort, notes),
        max_output_tokens=_output_limit(request, notes),
        search_max_uses=searches,
        summaries=summaries,
        json_mode=json_mode,
        schema=schema,
        instruction=instruction,
        notes=tuple(notes),
    )


def nearest_effort(wanted: str, taken: tuple[str, ...]) -> str:
    """The effort closest to the one wanted; of two as close, the stronger."""
    place = EFFORTS.index(wanted)
    return min(taken, key=lambda effort: (abs(EFFORTS.index(effort) - place), -EFFORTS.index(effort)))


def _search(request: ChatRequest, dialect: Dialect, notes: list[str]) -> int | None:
    if request.web_search_max_uses is None:
        return None
    if "web_search" in request.traits.features and dialect.responses:
        if dialect.search_limit_field is None:
            notes.append(f"{dialect.title} takes no limit on searches; the model decides how many it makes.")
        return request.web_search_max_uses
    if "enableWebSearch" in request.asked:
        raise _unsupported(request, "cannot search the web")
    notes.append(f"{request.model} cannot search the web, so web search was left out.")
    return None


def _thinking(request: ChatRequest, dialect: Dialect, notes: list[str]) -> bool:
    if not request.thinking:
        return False
    if "extended_thinking" in request.traits.features and dialect.responses:
        return True
    if "enableExtendedThinking" in request.asked:
        raise _unsupported(request, "does not show its thinking")
    notes.append(f"{request.model} does not show its thinking, so extended thinking was left out.")
    return False


def _effort(request: ChatRequest, dialect: Dialect, searching: bool, notes: list[str]) -> str | None:
    wanted = request.effort
    if wanted is None:
        return None
    known = tuple(effort for effort in request.traits.efforts if effort in EFFORTS)
    taken = known or dialect.unlisted_efforts
    if "reasoning" not in request.traits.features or not taken:
        notes.append(f"{request.model} has no reasoning effort to set, so {wanted} was left out.")
        return None
    if searching and len(taken) > 1:
        # The web search tool refuses this one effort.
        taken = tuple(effort for effort in taken if effort != "minimal")
    chosen = nearest_effort(wanted, taken)
    if chosen != wanted:
        why = "with web search" if wanted in known else "at all"
        notes.append(f"{request.model} does not take the effort {wanted} {why}; {chosen} was used.")
    return chosen


def _temperature(
    request: ChatRequest, dialect: Dialect, effort: str | None, notes: list[str]
) -> float | None:
    wanted = request.temperature
    if wanted is None:
        return None
    reasons = "reasoning" in request.traits.features and effort != "none"
    if reasons and not dialect.temperature_while_reasoning:
        if wanted != DEFAULT_TEMPERATURE:
            notes.append(f"{request.model} takes no temperature while it reasons, so it was left out.")
        return None
    bounded = min(max(wanted, 0.0), HIGHEST_TEMPERATURE)
    if bounded != wanted:
        direction = "lowered" if wanted > bounded else "raised"
        notes.append(f"The temperature was {direction} to {bounded:g}, the {dialect.title} limit.")
    return bounded


def _output_limit(request: ChatRequest, notes: list[str]) -> int | None:
    wanted, most = request.max_output_tokens or None, request.traits.max_output_tokens
    if wanted is None or most is None or wanted <= most:
        return wanted
    if "maxOutputTokens" in request.asked:
        raise Failure(
            "unsupported",
            f"{request.model} writes at most {most:,} tokens in one answer. Ask for no more than that.",
            model=request.model,
        )
    notes.append(f"The answer is limited to {most:,} tokens, the most {request.model} can write.")
    return most


def _json(
    request: ChatRequest, dialect: Dialect, notes: list[str]
) -> tuple[bool, SchemaFormat | None, str | None]:
    """JSON mode, the schema and the instruction. What has no form of its own is asked for in words."""
    schema, features = request.json_schema, request.traits.features
    if schema is None and not request.json_mode:
        return False, None, None
    words = in_words(schema)
    has_mode = "json_mode" in features
    if schema is None:
        if not has_mode:
            notes.append(f"{request.model} has no JSON mode, so JSON was asked for in words.")
        return has_mode, None, words if dialect.json_in_words or not has_mode else None
    form = schema_format(schema)
    if form is not None and "json_schema" in features and (form.strict or dialect.loose_schemas):
        if not form.strict:
            notes.append(f"{dialect.title} cannot enforce all of this schema; the answer is checked instead.")
        return False, form, words if dialect.json_in_words else None
    notes.append(
        f"{request.model} cannot enforce this schema, so it was asked for in words; the answer is checked."
    )
    # JSON mode answers with an object, which a schema with another root forbids.
    return has_mode and form is not None, None, words


def _cache(request: ChatRequest, dialect: Dialect, notes: list[str]) -> None:
    """The vendor caches by itself; there is nothing to send, only something to say."""
    if request.cache_ttl is None:
        return
    if "prompt_caching" not in request.traits.features:
        notes.append(f"{request.model} has no prompt cache, so caching was left out.")
    elif request.cache_ttl == "1h":
        notes.append(
            f"{dialect.title} caches prompts by itself and has no one-hour cache, so that was left out."
        )


def _unsupported(request: ChatRequest, cannot: str) -> Failure:
    can = [words for feature, words in _ABILITIES.items() if feature in request.traits.features]
    offer = f"It can do: {', '.join(can)}." if can else "It takes plain text only."
    return Failure("unsupported", f"{request.model} {cannot}. {offer}", model=request.model)
