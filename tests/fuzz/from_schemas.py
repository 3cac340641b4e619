"""Params of a method as its schema would have them: of the right shapes, with values that nobody thought of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.test_frames import JSON

MODELS = ("openai/gpt-6-luna", "anthropic/claude-sonnet-5", "gemini/gemini-2.5-flash", "grok/grok-4.3", "x/y")
WORDS = (
    "",
    " ",
    "\0",
    "a",
    "é" * 40,
    "%s",
    "{{a}}",
    "{{",
    '"*',
    "-1",
    "2026-02-30",
    "\ud800",
    "[[simulate: status=500]]",
)
NUMBERS = (0, 1, -1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 0.5, -0.0, 1e300)
PROVIDERS = ("openai", "anthropic", "gemini", "grok", "nobody")


def params_of(method: Mapping[str, Any], ids: Sequence[str], folder: Path) -> st.SearchStrategy[Any]:
    """Give params for the method. Where an id belongs, one of `ids` may stand; paths are inside `folder`."""
    named = {each["name"]: each for each in method["params"]}
    return _object(
        {name: each["schema"] for name, each in named.items()},
        {name for name, each in named.items() if each["required"]},
        ids,
        folder,
    )


def _object(
    members: Mapping[str, Any], required: set[str], ids: Sequence[str], folder: Path
) -> st.SearchStrategy[Any]:
    made = {name: _member(name, schema, ids, folder) for name, schema in members.items()}
    return st.fixed_dictionaries(
        {name: value for name, value in made.items() if name in required},
        optional={name: value for name, value in made.items() if name not in required},
    )


def _member(name: str, schema: Any, ids: Sequence[str], folder: Path) -> st.SearchStrategy[Any]:
    like = _value(schema, ids, folder)
    if name == "path":
        return st.sampled_from(["file", "file.csv", "no/where", "n" * 300, ".", "copy.db"]).map(
            lambda path: str(folder / path)
        )
    if name in ("model", "modelId"):
        return st.sampled_from(MODELS)
    if name in ("provider", "providerName"):
        return st.sampled_from(PROVIDERS)
    if name.casefold().endswith("id") and ids:
        return st.sampled_from(ids) | like
    return like


def _value(schema: Any, ids: Sequence[str], folder: Path) -> st.SearchStrategy[Any]:
    if not isinstance(schema, dict):
        return JSON
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_value(each, ids, folder) for each in schema["anyOf"]])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return st.one_of([_of_kind(kind, schema, ids, folder) for kind in kinds]) if kinds else JSON


def _of_kind(kind: str, schema: Any, ids: Sequence[str], folder: Path) -> st.SearchStrategy[Any]:
    match kind:
        case "object":
            if "properties" not in schema:
                return st.dictionaries(st.sampled_from(WORDS), JSON, max_size=3)
            return _object(schema["properties"], set(schema.get("required", ())), ids, folder)
        case "array":
            return st.lists(
                _value(schema.get("items"), ids, folder), min_size=schema.get("minItems", 0), max_size=3
            )
        case "string":
            return st.sampled_from(WORDS) | st.text(min_size=1, max_size=20)
        case "integer" | "number":
            least, most = schema.get("minimum", -(2**70)), schema.get("maximum", 2**70)
            odd = [number for number in NUMBERS if kind == "number" or isinstance(number, int)]
            inside = st.integers(int(least), int(most))
            return inside | st.sampled_from([number for number in odd if least <= number <= most] or [least])
        case "boolean":
            return st.booleans()
    return st.none()
