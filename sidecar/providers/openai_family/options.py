"""What a request asks, what the model takes, and what is therefore sent (pure).

Asked for by name and impossible is a Failure; a saved setting or a hint that does not apply is left out and noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sidecar.providers.base import ChatRequest
from sidecar.providers.kernel.options import (
    EFFORTS,
    bounded_temperature,
    leave_out,
    nearest_effort,
    note_own_cache,
    output_limit,
)
from sidecar.providers.openai_family.json_by_prompt import in_words
from sidecar.providers.openai_family.schema import SchemaFormat, schema_format

# Every reasoning model of the vendor takes at least these, also one whose list is not published.
COMMON_EFFORTS = ("low", "medium", "high")
HIGHEST_TEMPERATURE = 2.0
DEFAULT_TEMPERATURE = 1.0


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
class OpenAIOptions:
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


def resolve_options(request: ChatRequest, dialect: Dialect, *, only_responses: bool = False) -> OpenAIOptions:
    """Raises Failure("unsupported") for what was asked by name and the model cannot do.

    `only_responses` is a model that chat completions do not serve.
    """
    notes: list[str] = []
    searches = _search(request, dialect, notes)
    summaries = _thinking(request, dialect, notes)
    effort = _effort(request, dialect, searches is not None, notes)
    json_mode, schema, instruction = _json(request, dialect, notes)
    note_own_cache(request, dialect.title, notes)
    on_responses = only_responses or searches is not None or summaries or effort == "max"
    return OpenAIOptions(
        api="responses" if on_responses and dialect.responses else "chat",
        effort=effort,
        temperature=_temperature(request, dialect, effort, notes),
        max_output_tokens=output_limit(request, request.traits.max_output_tokens, notes),
        search_max_uses=searches,
        summaries=summaries,
        json_mode=json_mode,
        schema=schema,
        instruction=instruction,
        notes=tuple(notes),
    )


def _search(request: ChatRequest, dialect: Dialect, notes: list[str]) -> int | None:
    if request.web_search_max_uses is None:
        return None
    if "web_search" in request.traits.features and dialect.responses:
        if dialect.search_limit_field is None:
            notes.append(f"{dialect.title} takes no limit on searches; the model decides how many it makes.")
        return request.web_search_max_uses
    leave_out(request, "enableWebSearch", "cannot search the web", "web search", notes)
    return None


def _thinking(request: ChatRequest, dialect: Dialect, notes: list[str]) -> bool:
    if not request.thinking:
        return False
    if "extended_thinking" in request.traits.features and dialect.responses:
        return True
    leave_out(request, "enableExtendedThinking", "does not show its thinking", "extended thinking", notes)
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
    return bounded_temperature(wanted, HIGHEST_TEMPERATURE, dialect.title, notes)


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
