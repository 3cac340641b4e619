"""Reading the bodies that Google is sent (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.bodies import mapping, part_texts, read_json
from sidecar.simulator.counting import count_prompt
from sidecar.simulator.directives import read_directives
from sidecar.simulator.exchange import ParsedRequest, Refusal
from sidecar.simulator.gemini.capabilities import continues
from sidecar.simulator.gemini.continuation import read_continuation
from sidecar.simulator.gemini.errors import invalid
from sidecar.simulator.gemini.spelling import in_camel_case

_EFFORTS = ("minimal", "low", "medium", "high")
_ROLES = {"user": "user", "model": "assistant"}
_IN_WORDS = re.compile(r"JSON Schema[^{]*(?=\{)")


@dataclass(frozen=True, slots=True)
class GeminiRequest(ParsedRequest):
    """A `ParsedRequest` that may be one part of a longer answer.

    `said` tokens were visible in the parts before, `spent` counts their thoughts too; `limit` and `ordered` are
    for all parts together.
    """

    said: int = 0
    spent: int = 0
    limit: int | None = None
    ordered: int | None = None
    continues: bool = False


def read_request(body: Mapping[str, Any], model: str, *, stream: bool, part_tokens: int) -> GeminiRequest:
    """Return what the body asks of a model. Raise Refused for one that makes no sense.

    `part_tokens` is the longest part of an answer, where the model's answers come in parts.
    """
    body = in_camel_case(body)
    messages = read_messages(body)
    generation = mapping(body.get("generationConfig"))
    thinking = mapping(generation.get("thinkingConfig"))
    schema, json_mode = _form(generation, messages)
    said, spent = read_continuation(body.get("continuationToken"))
    limit = generation.get("maxOutputTokens")
    limit = limit if isinstance(limit, int) else None
    ordered = _ordered_tokens(messages)
    most = [part_tokens] if continues(model) else []
    most += [limit - spent] if limit is not None else []
    most += [ordered - said] if ordered is not None and said else []
    return GeminiRequest(
        model=model,
        messages=messages,
        stream=stream,
        include_usage=True,
        json_mode=json_mode,
        schema=schema,
        max_output_tokens=min(most) if most else None,
        # It has thought about the whole answer before the first part of it.
        effort="none" if said else _effort(thinking),
        search=any("googleSearch" in mapping(tool) for tool in body.get("tools") or ()),
        summaries=thinking.get("includeThoughts") is True,
        said=said,
        spent=spent,
        limit=limit,
        ordered=ordered,
        continues=continues(model),
    )


def count_answer(body: bytes) -> bytes:
    """Return what countTokens says of bare contents, or of a whole request. Raise Refused for a wrong one."""
    asked = in_camel_case(mapping(read_json(body, Refusal(400, "Invalid JSON payload received."))))
    inner = asked.get("generateContentRequest")
    total = count_prompt(read_messages(in_camel_case(inner) if isinstance(inner, Mapping) else asked))
    details = [{"modality": "TEXT", "tokenCount": total}]
    return orjson.dumps({"totalTokens": total, "promptTokensDetails": details})


def read_messages(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (role, text) of the instruction and of every content."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    messages = [(_role(content), _text_of(content)) for content in contents]
    instruction = body.get("systemInstruction")
    return (("system", _text_of(instruction)), *messages) if instruction else tuple(messages)


def _role(content: Any) -> str:
    role = _ROLES.get(mapping(content).get("role", "user"))
    if role is None:
        raise invalid("Please use a valid role: user, model.")
    return role


def _text_of(content: Any) -> str:
    texts = part_texts(mapping(content).get("parts"))
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid("Unable to submit request because it must have a text parameter.")
    return "".join(str(text) for text in texts)


def _form(
    generation: Mapping[str, Any], messages: tuple[tuple[str, str], ...]
) -> tuple[Mapping[str, Any] | None, bool]:
    """The schema, and whether any JSON will do; a model also follows what the instruction says in words."""
    if generation.get("responseMimeType") == "application/json":
        schema = generation.get("responseJsonSchema") or _lower_types(generation.get("responseSchema"))
        return (schema, False) if isinstance(schema, Mapping) else (None, True)
    instruction = next((text for role, text in messages if role == "system"), "")
    found = _IN_WORDS.search(instruction)
    if found:
        try:
            told, _ = json.JSONDecoder().raw_decode(instruction, found.end())
        except ValueError:
            return None, True
        return told, False
    return None, "one JSON object" in instruction


def _lower_types(schema: Any) -> Any:
    """The older schema writes types in capitals."""
    if isinstance(schema, list):
        return [_lower_types(inner) for inner in schema]
    if not isinstance(schema, Mapping):
        return schema
    lowered = {name: _lower_types(inner) for name, inner in schema.items()}
    if isinstance(lowered.get("type"), str):
        lowered["type"] = lowered["type"].lower()
    return lowered


def _effort(thinking: Mapping[str, Any]) -> str | None:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if isinstance(level, str):
        return level.lower() if level.lower() in _EFFORTS else None
    if not isinstance(budget, int) or budget < 0:
        return None
    return "none" if budget == 0 else "low" if budget <= 1_024 else "medium" if budget <= 8_192 else "high"


def _ordered_tokens(messages: tuple[tuple[str, str], ...]) -> int | None:
    prompt = next((text for role, text in reversed(messages) if role == "user"), "")
    try:
        return read_directives(prompt).tokens
    except ValueError:
        return None
