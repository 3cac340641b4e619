"""How much work a schema can make of a reply at the very most (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Keywords whose work is one look for each value that they apply to. What is not here may cost more than that.
_LINEAR = frozenset(
    {
        "$comment",
        "$id",
        "$schema",
        "additionalProperties",
        "const",
        "default",
        "deprecated",
        "description",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "properties",
        "readOnly",
        "required",
        "title",
        "type",
        "writeOnly",
        "anyOf",
    }
)
# Each level of a union may look at all below it once more.
_MOST_UNIONS = 2
# Looks that take a tenth of a second at most, and letters of a reply that are read in as long.
MOST_LOOKS = 200_000
MOST_LETTERS = 200_000


def is_small(text: str, schema: Mapping[str, Any] | None) -> bool:
    """Whether the reply can be held against the schema without anybody noticing how long that takes.

    A value takes a letter at least, and each value is looked at once for each part of the schema at most.
    """
    if len(text) > MOST_LETTERS:
        return False
    if schema is None:
        return True
    parts = _parts(schema, MOST_LOOKS // max(1, len(text)), 0)
    return parts is not None


def _parts(schema: Any, most: int, unions: int) -> int | None:
    """How many values the schema is made of; None for more than `most`, or for a keyword that may cost more."""
    if most < 1:
        return None
    if not isinstance(schema, Mapping):
        return 1 if isinstance(schema, bool) else None
    if not schema.keys() <= _LINEAR:
        return None
    count = 1
    for word, value in schema.items():
        if word in ("items", "additionalProperties"):
            inner: list[Any] = [value]
        elif word == "properties":
            inner = list(value.values()) if isinstance(value, Mapping) else [None]
        elif word == "anyOf":
            unions += 1
            inner = value if isinstance(value, list) and unions <= _MOST_UNIONS else [None]
        else:
            count += _values(value, most - count)
            if count > most:
                return None
            continue
        for each in inner:
            found = _parts(each, most - count, unions)
            if found is None:
                return None
            count += found
    return count


def _values(value: Any, most: int) -> int:
    """How many values a value is made of; any number above `most` where they are more."""
    waiting, count = [value], 0
    while waiting and count <= most:
        count += 1
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return count
