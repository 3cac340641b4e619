"""JSON that was asked for and comes as the arguments of a call (pure).

Servers and gateways have a model call a tool of their own where it has no JSON mode, and some forget to make a text of
it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text


class CalledAnswer:
    """Gathers the arguments of the calls that an answer makes, whole or in pieces."""

    def __init__(self) -> None:
        self._arguments: dict[str, list[str]] = {}

    def take(self, message: Mapping[str, Any]) -> None:
        """Take what a message, or a piece of one, says of its calls."""
        calls = as_list(message.get("tool_calls"))
        for place, call in enumerate(map(as_mapping, calls)):
            self._take(str(call.get("index", place)), call.get("function"))
        self._take("function_call", message.get("function_call"))

    def text(self) -> str:
        """Return the JSON object that the one call was made with; empty where there are more calls, or it is none."""
        if len(self._arguments) != 1:
            return ""
        (pieces,) = self._arguments.values()
        told = "".join(pieces)
        try:
            found = json.loads(told)
        except (ValueError, RecursionError):
            return ""
        return told if isinstance(found, dict) else ""

    def _take(self, name: str, function: Any) -> None:
        told = as_mapping(function).get("arguments")
        piece = json.dumps(told, ensure_ascii=False) if isinstance(told, Mapping) else as_text(told)
        if piece:
            self._arguments.setdefault(name, []).append(piece)
