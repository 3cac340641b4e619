"""A JSON value with each of its places replaced by values that nobody expects there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 2**70, 1e300),
    *("", "odd", [], [[]], [{}], ["odd"], {}, {"odd": {}}),
)


def mutations(value: Any) -> Iterator[Any]:
    """The value with each place in it, itself too, replaced by each of the odd values."""
    for path in places(value):
        for odd in ODD:
            yield replaced(value, path, odd)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each place in the value, the empty one to itself first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in inner:
        yield from places(member, (*path, name))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The value with something else at that place; what is beside the way to it is the same, and not copied."""
    if not path:
        return odd
    step, inner = path[0], replaced(value[path[0]], path[1:], odd)
    return {**value, step: inner} if isinstance(value, dict) else [*value[:step], inner, *value[step + 1 :]]
