"""Params of plain members, read without a model (pure).

A model of pydantic says what is wrong, in words; making one takes longer than most answers do. So what is plainly right
is taken here by the table that is generated from the same models, and all else is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool, "dict": dict}


def read(members: Sequence[tuple[Any, ...]], raw: Mapping[str, Any]) -> SimpleNamespace | None:
    """Return the params under the names that a model gives them; None where only a model can judge them.

    `members` are those of `contract/flat.py`: wire name, name, kind, required, nullable, least, most.
    """
    values: dict[str, Any] = {}
    seen = 0
    for wire, name, kind, required, nullable, least, most in members:
        value = raw.get(wire)
        if value is None:
            if wire in raw:
                seen += 1
                if not nullable:
                    return None
            elif required:
                return None
        else:
            seen += 1
            value = _checked(kind, value, least, most)
            if value is None:
                return None
        values[name] = value
    # What else is sent may be a member by its other name.
    return SimpleNamespace(**values) if seen == len(raw) else None


def _checked(kind: Any, value: Any, least: float | None, most: float | None) -> Any:
    """The value as a model would have it; None where it is not plainly of the kind."""
    if kind == "any":
        return value
    measured: Any
    if kind == "float":
        if type(value) is not float and type(value) is not int:
            return None
        try:
            measured = value = float(value)
        except OverflowError:
            return None
    elif type(kind) is frozenset:
        return value if type(value) is str and value in kind else None
    elif type(kind) is tuple:
        return read(kind, value) if type(value) is dict else None
    elif type(value) is not _TYPES[kind]:
        return None
    else:
        measured = len(str(value)) if kind == "str" else value
    if (least is not None and measured < least) or (most is not None and measured > most):
        return None
    return value
