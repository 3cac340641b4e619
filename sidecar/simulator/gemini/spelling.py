"""Google's two spellings of its own names, `maxOutputTokens` and `max_output_tokens` (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_UNDERSCORE = re.compile(r"_([a-z])")


def in_camel_case(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body with its own names in one spelling: Google reads both, and its client writes both."""
    renamed = _camel(body)
    for name in ("generationConfig", "systemInstruction"):
        if isinstance(renamed.get(name), Mapping):
            renamed[name] = _camel(renamed[name])
    if isinstance(renamed.get("tools"), list):
        renamed["tools"] = [_camel(tool) if isinstance(tool, Mapping) else tool for tool in renamed["tools"]]
    generation = renamed.get("generationConfig")
    if isinstance(generation, dict) and isinstance(generation.get("thinkingConfig"), Mapping):
        generation["thinkingConfig"] = _camel(generation["thinkingConfig"])
    return renamed


def _camel(members: Mapping[str, Any]) -> dict[str, Any]:
    return {_UNDERSCORE.sub(lambda found: found[1].upper(), name): value for name, value in members.items()}
