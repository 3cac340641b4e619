"""What a request asks, what the model takes, and what is therefore sent (pure).

Asked for by name and impossible is a Failure; a saved setting or a hint that does not apply is left out and noted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest
from sidecar.providers.openai_schema import SchemaFormat, schema_format

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
    """How a server speaks OpenAI's protocol.

    `plain` is what any compatible server understands: chat completions, the `system` role, `max_tokens`.
    `usage_in_stream` asks for the usage of a stream, which some servers refuse.
    """

    title: str
    plain: bool = False
    usage_in_stream: bool = True


@dataclass(frozen=True, slots=True)
class Choices:
    """The request after every decision. None or False is not sent."""

    api: Literal["chat", "responses"]
    effort: str | None
    temperature: float | None
    max_output_tokens: int | None
    search_max_uses: int | None
    summaries: bool
    json_mode: bool
    schema: SchemaFormat | None
    notes: tuple[str, ...]


def decide(request: ChatRequest, dialect: Dialect) -> Choices:
    """Raises Failure("unsupported") for what was asked by name and the model cannot do."""
    notes: list[str] = []
    searches = _search(request, dialect, notes)
    summaries = _thinking(request, dialect, notes)
    effort = _effort(request, dialect, searches is not None, notes)
    json_mode, schema = _json(request, dialect, notes)
    _cache(request, dialect, notes)
    on_responses = not dialect.plain and (searches is not None or summaries or effort == "max")
    return Choices(
        api="responses" if on_responses else "chat",
        effort=effort,
        temperature=_temperature(request, dialect, effort, notes),
        max_output_tokens=_output_limit(request, notes),
        search_max_uses=searches,
        summaries=summaries,
        json_mode=json_mode,
        schema=schema,
        notes=tuple(notes),
    )


def nearest_effort(wanted: str, taken: tuple[str, ...]) -> str:
    """The effort closest to the one wanted; of two as close, the stronger."""
    place = EFFORTS.index(wanted)
    return min(taken, key=lambda effort: (abs(EFFORTS.index(effort) - place), -EFFORTS.index(effort)))


def _search(request: ChatRequest, dialect: Dialect, notes: list[str]) -> int | None:
    if request.web_search_max_uses is None:
        return None
    if "web_search" in request.traits.features and not dialect.plain:
        return request.web_search_max_uses
    if "enableWebSearch" in request.asked:
        raise _unsupported(request, "cannot search the web")
    notes.append(f"{request.model} cannot search the web, so web search was left out.")
    return None


def _thinking(request: ChatRequest, dialect: Dialect, notes: list[str]) -> bool:
    if not request.thinking:
        return False
    if "extended_thinking" in request.traits.features and not dialect.plain:
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
    taken = known or (() if dialect.plain else COMMON_EFFORTS)
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
    if "reasoning" in request.traits.features and not dialect.plain and effort != "none":
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


def _json(request: ChatRequest, dialect: Dialect, notes: list[str]) -> tuple[bool, SchemaFormat | None]:
    features = request.traits.features
    if request.json_schema is not None:
        if "json_schema" in features:
            form = schema_format(request.json_schema, request.model)
            if not form.strict:
                notes.append(
                    f"{dialect.title} cannot enforce all of this schema; the answer is checked instead."
                )
            return False, form
        if "jsonSchema" in request.asked:
            raise _unsupported(request, "takes no JSON schema")
        notes.append(f"{request.model} takes no JSON schema, so the schema was left out.")
    if not request.json_mode:
        return False, None
    if "json_mode" in features:
        return True, None
    if "jsonMode" in request.asked:
        raise _unsupported(request, "has no JSON mode")
    notes.append(f"{request.model} has no JSON mode, so it was left out.")
    return False, None


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
