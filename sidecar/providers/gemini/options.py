"""What a request asks, what the Gemini model takes, and what is therefore sent (pure).

Asked for by name and impossible is a Failure; a saved setting or a hint that does not apply is left out and noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sidecar.providers.base import ChatRequest
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.gemini.schema import adapted
from sidecar.providers.gemini.thinking import thinking_config, version
from sidecar.providers.kernel.options import bounded_temperature, leave_out, note_own_cache, output_limit

HIGHEST_TEMPERATURE = 2.0
DEFAULT_TEMPERATURE = 1.0
# From this version on sampling is the vendor's business: the fields are ignored or refused.
WITHOUT_SAMPLING = (3, 5)
# Before this version a form for the answer together with a tool is refused.
JSON_WITH_TOOLS = (3, 0)


@dataclass(frozen=True, slots=True)
class GeminiOptions:
    """The request after every decision. None, False or empty is not sent.

    `json` is how JSON is asked for: by the vendor's own form, or in words. `schema` is adapted for the former.
    """

    temperature: float | None
    max_output_tokens: int | None
    thinking: Mapping[str, Any]
    search: bool
    json: Literal["native", "prompted"] | None
    schema: Mapping[str, Any] | None
    notes: tuple[str, ...]


def resolve_options(request: ChatRequest) -> GeminiOptions:
    """Raises Failure("unsupported") for what was asked by name and the model cannot do."""
    notes: list[str] = []
    search = _search(request, notes)
    thinking = thinking_config(request, _thinking(request, notes), notes)
    form, schema = _json(request, search, notes)
    note_own_cache(request, GEMINI.title, notes)
    return GeminiOptions(
        temperature=_temperature(request, notes),
        max_output_tokens=_output_limit(request, notes),
        thinking=thinking,
        search=search,
        json=form,
        schema=schema,
        notes=tuple(notes),
    )


def _search(request: ChatRequest, notes: list[str]) -> bool:
    if request.web_search_max_uses is None:
        return False
    if "web_search" in request.traits.features:
        notes.append(
            f"{request.model} decides itself how often it searches; the limit of "
            f"{request.web_search_max_uses} was left out."
        )
        return True
    leave_out(request, "enableWebSearch", "cannot search the web", "web search", notes)
    return False


def _thinking(request: ChatRequest, notes: list[str]) -> bool:
    if not request.thinking:
        return False
    if "extended_thinking" in request.traits.features:
        return True
    leave_out(request, "enableExtendedThinking", "does not show its thinking", "extended thinking", notes)
    return False


def _temperature(request: ChatRequest, notes: list[str]) -> float | None:
    wanted = request.temperature
    if wanted is None:
        return None
    if request.model.startswith("gemini-") and version(request.model) >= WITHOUT_SAMPLING:
        if wanted != DEFAULT_TEMPERATURE:
            notes.append(f"{request.model} takes no temperature, so it was left out.")
        return None
    return bounded_temperature(wanted, HIGHEST_TEMPERATURE, GEMINI.title, notes)


def _output_limit(request: ChatRequest, notes: list[str]) -> int | None:
    """The cap on the whole answer, thoughts included; where answers are continued, over all their parts."""
    long = request.traits.extra.get("maxOutputLongDecode")
    return output_limit(request, int(long) if long else request.traits.max_output_tokens, notes)


def _json(
    request: ChatRequest, search: bool, notes: list[str]
) -> tuple[Literal["native", "prompted"] | None, Mapping[str, Any] | None]:
    schema, features = request.json_schema, request.traits.features
    if schema is None and not request.json_mode:
        return None, None
    feature, name = ("json_mode", "JSON mode") if schema is None else ("json_schema", "JSON schema")
    if feature not in features:
        notes.append(f"{request.model} has no {name} of its own; the JSON was asked for in words.")
        return "prompted", schema
    if search and version(request.model) < JSON_WITH_TOOLS:
        notes.append(f"{request.model} cannot search and keep to a form; the JSON was asked for in words.")
        return "prompted", schema
    if schema is None:
        return "native", None
    native, whole = adapted(schema)
    if not whole:
        notes.append("Gemini cannot enforce all of this schema; the answer is checked instead.")
    return "native", native
