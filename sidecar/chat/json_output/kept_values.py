"""JSON of which every value can be kept: numbers that are numbers, and no deeper than a message has room for (pure)."""

from __future__ import annotations

import json
import math
from typing import Any

# What is nested deeper is neither checked nor sent on: a message has room for so much.
MOST_DEPTH = 180


def loads(text: str) -> Any:
    """Return the value of a text that is JSON. Raises ValueError for any other, and for a value that cannot be kept."""
    value = json.loads(text, parse_constant=no_constant, parse_float=finite)
    if is_too_deep(text, value):
        raise ValueError("it is nested too deeply to be kept")
    return value


def no_constant(name: str) -> Any:
    """Refuse what Python reads beside JSON, `NaN` and `Infinity`. Raises ValueError."""
    raise ValueError(f"{name} is not JSON")


def finite(text: str) -> float:
    """Return the number. Raises ValueError for one that is none for a computer: it would be written down as null."""
    if is_endless(text):
        raise ValueError(f"{text[:40]} is too large")
    return float(text)


def is_endless(number: str) -> bool:
    """Return whether a number is larger than any that a computer keeps."""
    return math.isinf(float(number))


def is_too_deep(text: str, value: Any) -> bool:
    """Return whether a value, read from the text, is nested more deeply than can be kept."""
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return False
    level = [value]
    for _ in range(MOST_DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True
