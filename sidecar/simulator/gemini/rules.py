"""What Google refuses in a request (pure). A simulator that takes everything would hide our mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.simulator.counting import count_prompt
from sidecar.simulator.exchange import ParsedRequest
from sidecar.simulator.gemini.capabilities import budget_range, levels, version_of
from sidecar.simulator.gemini.errors import invalid
from sidecar.simulator.gemini.schema import check_schema
from sidecar.simulator.gemini.spelling import in_camel_case
from sidecar.simulator.models import SimModel

_BODY = frozenset(
    {
        *("contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings"),
        *("cachedContent", "serviceTier", "store", "continuationToken"),
    }
)
_GENERATION = frozenset(
    {
        *("temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "seed"),
        *("responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig"),
    }
)


def check(body: Mapping[str, Any], parsed: ParsedRequest, model: SimModel, *, json_with_tools: bool) -> None:
    """Raises Refused for what the vendor would answer with a 400. `json_with_tools` is for 3.x and later."""
    body = in_camel_case(body)
    generation = body.get("generationConfig") or {}
    _check_names(body, _BODY, "")
    _check_names(generation, _GENERATION, " at 'generation_config'")
    # What answers in the place of an older model still takes what the older one took.
    asked = parsed.model
    version = version_of(asked)
    if body["contents"][-1].get("role", "user") != "user":
        raise invalid("Please ensure that the last content has the role 'user'.")
    if "temperature" in generation:
        _check_temperature(generation["temperature"], version)
    _check_thinking(generation.get("thinkingConfig") or {}, asked, model.reasons)
    _check_form(generation, bool(body.get("tools")), json_with_tools and version >= (3, 0))
    if parsed.search and "web_search" not in model.features:
        raise invalid("Search Grounding is not supported.")
    limit = generation.get("maxOutputTokens")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise invalid("The value of max_output_tokens must be positive.")
    prompt = count_prompt(parsed.messages)
    if prompt > model.context_size:
        raise invalid(
            f"The input token count ({prompt}) exceeds the maximum number of tokens allowed ({model.context_size})."
        )


def _check_names(members: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in members:
        if name not in known:
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def _check_temperature(temperature: Any, version: tuple[int, int]) -> None:
    if version >= (3, 5):
        raise invalid("Sampling parameters are not supported for this model.")
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 2:
        raise invalid(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in [0.0, 2.0]."
        )


def _check_thinking(config: Mapping[str, Any], model: str, reasons: bool) -> None:
    if not config:
        return
    if not reasons:
        raise invalid("Thinking is not supported by this model.")
    level, budget = config.get("thinkingLevel"), config.get("thinkingBudget")
    if level is not None and budget is not None:
        raise invalid("You can only set one of thinking_budget and thinking_level.")
    if level is not None and str(level).lower() not in levels(model):
        raise invalid(f"Thinking level {str(level).upper()} is not supported for this model.")
    if budget is not None:
        least, most = budget_range(model)
        off = budget == 0 and model != "gemini-2.5-pro"
        if not off and budget != -1 and not least <= budget <= most:
            raise invalid(
                f"The thinking budget {budget} is invalid. Please choose a value between {least} and {most}."
            )


def _check_form(generation: Mapping[str, Any], tools: bool, with_tools: bool) -> None:
    kind = generation.get("responseMimeType", "text/plain")
    schemas = [generation[name] for name in ("responseSchema", "responseJsonSchema") if generation.get(name)]
    if len(schemas) > 1:
        raise invalid("Only one of response_schema and response_json_schema may be set.")
    if kind not in ("text/plain", "application/json"):
        raise invalid(f"Response mime type {kind!r} is not supported.")
    if schemas and kind != "application/json":
        raise invalid("A response schema needs the response mime type 'application/json'.")
    if kind == "application/json" and tools and not with_tools:
        raise invalid("Tool use with a response mime type: 'application/json' is unsupported")
    if schemas:
        check_schema(schemas[0])
