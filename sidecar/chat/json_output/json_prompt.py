"""JSON asked for in words, where the vendor's strict form is not wanted. The reply is checked all the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.providers.base import ChatRequest


def ask_in_words(request: ChatRequest) -> ChatRequest:
    """The same request with the wish for JSON as an instruction instead of an option."""
    instruction = json_instruction(request.json_schema)
    system = f"{request.system}\n\n{instruction}" if request.system else instruction
    asked = request.asked - {"jsonMode", "jsonSchema"}
    return replace(request, system=system, json_mode=False, json_schema=None, asked=asked)


def json_instruction(schema: Mapping[str, Any] | None) -> str:
    if schema is None:
        return "Answer with one JSON object and nothing else: no introduction, no code fence."
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON value that is valid by this JSON Schema, and nothing else: no code fence.\n{text}"
