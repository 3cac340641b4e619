"""Params of plain members, read without a model (pure).

A model of pydantic says what is wrong, in words; making one takes longer than most answers do. So what is plainly right
is taken here by the table that is generated from the same models, and all else is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool, "dict": dict}


class Plain(SimpleNamespace):
    """Params that were read. Where one handler hands a part of them on whole, it asks this as it would a model."""

    def model_dump(self, *, by_alias: bool = False, exclude_none: bool = False) -> dict[str, Any]:
        """Return the members, by the names of the wire or our own, as a model does."""
        given = vars(self)
        dumped = {}
        for wire, name, *_ in given["_members"]:
            value = given[name]
            if isinstance(value, Plain):
                value = value.model_dump(by_alias=by_alias, exclude_none=exclude_none)
            if value is not None or not exclude_none:
                dumped[wire if by_alias else name] = value
        return dumped


def read(members: Sequence[tuple[Any, ...]], raw: Mapping[str, Any]) -> Plain | None:
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
    return Plain(_members=members, **values) if seen == len(raw) else None


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
