"""Assertions of promptfoo as checks of a batch; what there is no check for is counted by its kind (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES = ["object", "array", "string", "number", "boolean", "null"]


def of(assertions: Any, left_out: Counter[str]) -> list[dict[str, Any]]:
    """Return the checks of a list of assertions; the kinds of those that are none are counted in `left_out`."""
    found: list[dict[str, Any]] = []
    for each in assertions if isinstance(assertions, list) else ():
        if not isinstance(each, Mapping):
            left_out[str(each)[:40]] += 1
        elif each.get("type") == "assert-set":
            found += of(each.get("assert"), left_out)
        else:
            checks = list(_checks(each))
            found += checks
            if not checks:
                left_out[str(each.get("type"))[:40]] += 1
    return found


def _checks(assertion: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kind = str(assertion.get("type", ""))
    negated = {"not": True} if kind.startswith("not-") else {}
    kind, value = kind.removeprefix("not-"), assertion.get("value")
    named = {"name": assertion["metric"][:100]} if isinstance(assertion.get("metric"), str) else {}
    blind = {"ignoreCase": True} if kind.startswith("icontains") else {}
    common = {**named, **negated, **blind}
    match kind.removeprefix("i"):
        case "contains" | "equals" if isinstance(value, str | int | float) and value != "":
            yield {"type": kind.removeprefix("i"), "value": _text(value), **common}
        case "contains-all" if isinstance(value, list) and not negated:
            yield from ({"type": "contains", "value": _text(each), **common} for each in value)
        case "contains-any" if isinstance(value, list) and _are_plain(value):
            yield {"type": "regex", "pattern": "|".join(map(re.escape, map(_text, value))), **common}
        case "regex" if isinstance(value, str) and value and "{{" not in value:
            yield {"type": "regex", "pattern": value, **common}
        case "starts-with" if isinstance(value, str) and value and "{{" not in value:
            yield {"type": "regex", "pattern": rf"\A{re.escape(value)}", **common}
        case "word-count" if isinstance(value, int | Mapping):
            bounds = value if isinstance(value, Mapping) else {"min": value, "max": value}
            sizes = {name: bounds[name] for name in ("min", "max") if name in bounds}
            yield {"type": "length", "unit": "words", **sizes, **common}
    # Its first letter is not the mark of a comparison that is blind for capitals.
    if kind == "is-json":
        yield {
            "type": "json-schema",
            "schema": value if isinstance(value, dict) else {"type": _TYPES},
            **common,
        }


def _are_plain(value: list[Any]) -> bool:
    return bool(value) and not any("{{" in str(each) for each in value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
