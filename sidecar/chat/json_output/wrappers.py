"""What models put around the JSON that was asked for (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sidecar.chat.json_output.kept_values import loads

# Where a call of a function, written down as text, has what it is called with; and a schema that is filled in.
_CALLED_WITH = ("arguments", "parameters", "input", "args", "properties")
_MOST_AROUND = 3


def inside(value: Any, around: int = 0) -> Iterator[Any]:
    """Yield what stands in a wrapper, the outermost first: a list of one, an object of one member, a call, a text.

    Whether it is what was asked for is for the schema to say. What is empty is nobody's answer.
    """
    if around >= _MOST_AROUND:
        return
    for inner in _next(value):
        if isinstance(inner, dict | list) and inner:
            yield inner
        yield from inside(inner, around + 1)


def unquoted(text: str) -> str | None:
    """Return a text whose every line is a quotation in Markdown without its marks; None for any other."""
    lines = [line.lstrip() for line in text.splitlines() if line.strip()]
    if not lines or not all(line.startswith(">") for line in lines):
        return None
    return "\n".join(line[1:] for line in lines)


def _next(value: Any) -> Iterator[Any]:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[", '"')):
        with suppress(ValueError, RecursionError):
            yield loads(value)
    elif isinstance(value, list) and len(value) == 1:
        yield value[0]
    elif isinstance(value, dict):
        if len(value) == 1:
            yield from value.values()
        else:
            yield from (value[name] for name in _CALLED_WITH if name in value)
