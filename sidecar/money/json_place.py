"""Where in a JSON text a member stands, so that whoever has to correct it finds it (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Place(NamedTuple):
    """Both counted from 1 on."""

    line: int
    column: int


def find(content: bytes, where: str) -> Place | None:
    """Return the place of `models[3].contextSize`: of what it leads to, or of the last on the way that is there.

    None where the way leads nowhere at all, or the text is no JSON.
    """
    try:
        text = content.decode("utf-8-sig")
        position = begin = _space(text, 0)
        for step in _STEP.finditer(where):
            found = _step(text, position, step[2] if step[1] is None else int(step[1]))
            if found is None:
                break
            position = found
    except (ValueError, IndexError, RecursionError):
        return None
    return None if position == begin else place(text, position)


def place(text: str, position: int) -> Place:
    """Return the line and the column of a position."""
    line = text.count("\n", 0, position)
    return Place(line + 1, position - (text.rfind("\n", 0, position) + 1) + 1)


def _step(text: str, position: int, wanted: str | int) -> int | None:
    """Where the value of that member or element begins."""
    if text[position] != ("[" if isinstance(wanted, int) else "{"):
        return None
    return next((begin for name, begin in _values(text, position) if name == wanted), None)


def _values(text: str, position: int) -> Iterator[tuple[str | int, int]]:
    """The values of the object or the list that begins there, by name or number."""
    named, number = text[position] == "{", 0
    position = _space(text, position + 1)
    while text[position] not in "}]":
        name: str | int = number
        if named:
            name, position = _DECODER.raw_decode(text, position)
            position = _space(text, _space(text, position) + 1)
        yield name, position
        _, position = _DECODER.raw_decode(text, position)
        position = _space(text, position)
        if text[position] == ",":
            position = _space(text, position + 1)
        number += 1


def _space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()
