"""What stands at a place of a vendor's JSON, or the empty value of its kind where something else does (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """Return the array, an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the text, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int:
    """Return a count as a server wrote it; what is no count at all is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or value < 0:
        return 0
    return int(value) if value != float("inf") else 0
