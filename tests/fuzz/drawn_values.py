"""Values and bytes that are nearly what is expected: what was recorded, with parts moved, doubled or replaced."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.mangled import ODD, places, replaced
from tests.fuzz.test_frames import JSON

# Numbers, texts and times at the edges of what others can hold.
EDGES = (
    *ODD,
    *(float("nan"), float("inf"), -0.0, 1e-320, 2**31, 2**53, 1e11, 1e14, -1e12),
    *("\0", "\ud83d", "<think>", "</think>", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *('<details type="reasoning">', "[DONE]", "1e999", "9" * 5000, "é" * 3000),
)
ANYTHING = st.sampled_from(EDGES) | JSON


@st.composite
def changed(draw: st.DrawFn, value: Any, most: int = 4) -> Any:
    """The value with some of its places replaced by anything, or by what stands at another of its places."""
    for _ in range(draw(st.integers(1, most))):
        ways = list(places(value))
        path = draw(st.sampled_from(ways))
        other = at(value, draw(st.sampled_from(ways))) if draw(st.booleans()) else draw(ANYTHING)
        value = replaced(value, path, other)
    return value


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What stands at that place."""
    for step in path:
        value = value[step]
    return value


@st.composite
def moved(draw: st.DrawFn, items: list[Any], others: list[Any]) -> list[Any]:
    """The list with some of its items left out, doubled, put elsewhere, or joined by others."""
    found = list(items)
    for _ in range(draw(st.integers(0, 4))):
        where = draw(st.integers(0, len(found)))
        what = draw(st.sampled_from(["left out", "doubled", "put elsewhere", "joined", "many"]))
        if what == "joined" and others:
            found.insert(where, draw(st.sampled_from(others)))
        elif where < len(found):
            item = found[where] if what in ("doubled", "many") else found.pop(where)
            copies = {"left out": 0, "put elsewhere": 1, "doubled": 1, "many": 200}.get(what, 0)
            to = draw(st.integers(0, len(found)))
            found[to:to] = [item] * copies
    return found


def as_json(value: Any) -> str:
    """The value as a vendor or a program would write it; what JSON has no word for as Python spells it."""
    return json.dumps(value, separators=(",", ":"))


@st.composite
def spoilt(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes with some cut off, some put in between, or as they are, which is the most frequent."""
    way = draw(st.sampled_from(["whole", "whole", "whole", "cut", "put between", "doubled"]))
    where = draw(st.integers(0, len(content)))
    if way == "cut":
        return content[:where]
    if way == "put between":
        return content[:where] + draw(st.binary(max_size=12)) + content[where:]
    return content + content if way == "doubled" else content
