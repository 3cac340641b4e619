"""JSON that is asked for in words: a simulated model follows the instruction, as a good one would (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from sidecar.simulator.exchange import ParsedRequest

A = TypeVar("A", bound=ParsedRequest)


def apply_json_prompt(parsed: A) -> A:
    """The question with the JSON that its instructions want, where no field of the request says so."""
    if parsed.schema is not None:
        return parsed
    instructions = [text for role, text in parsed.messages if role in ("system", "developer")]
    for text in instructions:
        if "JSON Schema" not in text:
            continue
        for line in text.splitlines():
            schema = _object(line)
            if schema is not None:
                return replace(parsed, schema=schema)
    wanted = parsed.json_mode or any("one JSON object" in text for text in instructions)
    return replace(parsed, json_mode=wanted)


def _object(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        value = orjson.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, Mapping) else None
