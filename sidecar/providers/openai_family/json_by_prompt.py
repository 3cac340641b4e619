"""JSON asked for in words, where a server has no form for it or refuses the one it was sent (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping

_BY_SCHEMA = "Answer with one JSON value that is valid by this JSON Schema:"


def in_words(schema: Mapping[str, Any] | None) -> str:
    """The instruction. With a schema the reply is to follow it; without one it is an object."""
    plain = "Write the JSON alone: no other text before or after it, and no code fences."
    if schema is None:
        return f"Answer with one JSON object. {plain}"
    spelled = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return f"{_BY_SCHEMA}\n{spelled}\n{plain}"


def schema_in_words(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body, of either API, with its schema moved from the format into an instruction.

    None when it has no schema. JSON mode stays on: the schema was one of an object.
    """
    text = body.get("text")
    on_chat = "messages" in body
    form = body.get("response_format") if on_chat else as_mapping(text).get("format")
    if as_mapping(form).get("type") != "json_schema":
        return None
    schema = as_mapping(form).get("json_schema", form)["schema"]
    spoken = "messages" if on_chat else "input"
    plain, words = {"type": "json_object"}, in_words(schema)
    # It may stand there as the person gave it, and not as the vendor takes it.
    there = any(_BY_SCHEMA in turn["content"] for turn in body[spoken])
    return {
        **body,
        spoken: body[spoken] if there else _instructed(body[spoken], words),
        **({"response_format": plain} if on_chat else {"text": {**as_mapping(text), "format": plain}}),
    }


def _instructed(messages: list[dict[str, str]], instruction: str) -> list[dict[str, str]]:
    """The instruction joins the one that is there: not every server takes two."""
    first = messages[0]
    if first["role"] == "user" or first["role"] == "assistant":
        return [{"role": "system", "content": instruction}, *messages]
    return [{**first, "content": f"{first['content']}\n\n{instruction}"}, *messages[1:]]
