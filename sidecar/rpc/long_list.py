"""Where a long list among the params of a message can be cut, so that it can be read a piece at a time (pure).

    {"jsonrpc":"2.0","id":1,"method":…,"params":{…,"rows":[{…},{…},{…},{…}],…}}
    ^------------------------- head ---------------------- ^------^ pieces

A piece that is a list of values by itself, beginning where an element begins, ends where one ends: JSON can be read in
one way only. So a place that looks like the end of an element is tried, whatever stands in the texts around it.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

PIECE_BYTES = 64 * 1024
_HEAD_BYTES = 4096
# What stands within an element or a text looks like an end, too.
_MOST_TRIES = 16
_LIST = re.compile(rb'("[^"\\]{1,64}")\s*:\s*\[\s*(?=\{)')
_BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")


def begins(data: bytes) -> tuple[bytes, int] | None:
    """Return the quoted name of the first list of objects in the params, and where its first element begins."""
    found = _LIST.search(data, 0, _HEAD_BYTES)
    if found is None:
        return None
    try:
        head = orjson.loads(data[: found.end()] + b"]}}")
    except ValueError:
        return None
    params = head.get("params") if isinstance(head, dict) else None
    name = found[1][1:-1].decode("utf-8", "replace")
    return (found[1], found.end()) if isinstance(params, dict) and params.get(name) == [] else None


def next_piece(data: bytes, position: int) -> tuple[list[Any], int] | None:
    """Return the elements from `position` on, some PIECE_BYTES of them, and where the next one begins."""
    after = position + PIECE_BYTES
    for _ in range(_MOST_TRIES):
        between = _BETWEEN.search(data, after)
        if between is None:
            return None
        try:
            values = orjson.loads(b"[%b]" % data[position : between.start() + 1])
        except ValueError:
            after = between.start() + 1
            continue
        return values, between.end()
    return None
