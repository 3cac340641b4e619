"""The body of a generateContent request, and the bodies that may follow it (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, FurtherRequest, Turn, Usage
from sidecar.providers.gemini.options import GeminiOptions
from sidecar.providers.kernel.bodies import encode_json

JSON_TYPE = "application/json"
_OBJECT_IN_WORDS = "Answer with one JSON object and nothing else: no introduction, no code fence."
_SCHEMA_IN_WORDS = (
    "Answer with one JSON value that is valid by this JSON Schema, and nothing else: no code fence.\n{schema}"
)


def stream_path(model: str) -> str:
    """Where a streamed question goes, below the version."""
    return f"{model_path(model, 'streamGenerateContent')}?alt=sse"


def model_path(model: str, method: str) -> str:
    """The path of a model's method below the version; what is no model's name cannot leave its place."""
    family, slash, name = model.rpartition("/")
    if not slash or family not in ("models", "tunedModels"):
        family, name = "models", model
    return f"/{family}/{quote(name, safe='')}:{method}"


def model_in(path: str) -> str:
    """The model that a path asks, for what is said of it."""
    found = re.fullmatch(r"/(?:models|tunedModels)/(.+?):\w+(?:\?.*)?", path)
    return found[1] if found else ""


def generate_body(request: ChatRequest, choices: GeminiOptions) -> dict[str, Any]:
    """Raises Failure("invalid_params") when the conversation does not end with the person's words."""
    instructions = [text for text in (request.system, request.developer) if text]
    if choices.json == "prompted":
        instructions.append(json_in_words(choices.schema))
    body: dict[str, Any] = {"contents": contents(request.turns)}
    if instructions:
        body["systemInstruction"] = {"parts": [{"text": text} for text in instructions]}
    generation = _generation(choices)
    if generation:
        body["generationConfig"] = generation
    if choices.search:
        body["tools"] = [{"googleSearch": {}}]
    return body


def contents(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The conversation, with empty turns left out and neighbours of one role made one."""
    made: list[dict[str, Any]] = []
    for turn in turns:
        role = "user" if turn.role == "user" else "model"
        if not turn.text.strip():
            continue
        if made and made[-1]["role"] == role:
            made[-1]["parts"].append({"text": turn.text})
        else:
            made.append({"role": role, "parts": [{"text": turn.text}]})
    if not made or made[-1]["role"] != "user":
        raise Failure(
            "invalid_params", "The conversation must end with a question. Write something and send it again."
        )
    return made


def json_in_words(schema: Mapping[str, Any] | None) -> str:
    if schema is None:
        return _OBJECT_IN_WORDS
    return _SCHEMA_IN_WORDS.format(schema=json.dumps(schema, ensure_ascii=False, separators=(",", ":")))


def in_words_instead(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body with its form for the answer turned into words, for a model that refuses the form as it is.

    None when there is nothing about the form that a model could refuse: no schema, and no tool beside it.
    """
    generation = body.get("generationConfig") or {}
    if "responseJsonSchema" not in generation and "tools" not in body:
        return None
    return json_by_words(body)


def json_by_words(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body with its form for the answer turned into words; None where it has none."""
    generation = dict(body.get("generationConfig") or {})
    schema = generation.pop("responseJsonSchema", None)
    if generation.pop("responseMimeType", None) != JSON_TYPE:
        return None
    told = body.get("systemInstruction") or {"parts": []}
    instead = {
        **body,
        "systemInstruction": {"parts": [*told["parts"], {"text": json_in_words(schema)}]},
        "generationConfig": generation,
    }
    if not generation:
        del instead["generationConfig"]
    return instead


def continued(body: Mapping[str, Any], token: str) -> dict[str, Any]:
    """The same body, to go on where the last answer stopped."""
    return {**body, "continuationToken": token}


def further(body: Mapping[str, Any], usage: Usage | None, *, told: bool) -> FurtherRequest:
    """Return what going on with an answer may cost at most. `usage` is that of it so far, `told` whether all of it is.

    Each request is billed for itself, and may read all that was written before.
    """
    limit = (body.get("generationConfig") or {}).get("maxOutputTokens")
    if usage is None or not told:
        sent = len(encode_json(body))
        return FurtherRequest("continuation", None if limit is None else sent + limit, limit, told=False)
    last = usage.requests[-1] if usage.requests else usage
    # The tools' own prompt stands beside the prompt.
    read = max(last.prompt_total, last.in_uncached + last.cache_read) + usage.out_total
    return FurtherRequest("continuation", read, limit and max(1, limit - usage.out_total))


def _generation(choices: GeminiOptions) -> dict[str, Any]:
    generation: dict[str, Any] = {}
    if choices.temperature is not None:
        generation["temperature"] = choices.temperature
    if choices.max_output_tokens is not None:
        generation["maxOutputTokens"] = choices.max_output_tokens
    if choices.thinking:
        generation["thinkingConfig"] = dict(choices.thinking)
    if choices.json == "native":
        generation["responseMimeType"] = JSON_TYPE
        if choices.schema is not None:
            generation["responseJsonSchema"] = choices.schema
    return generation
