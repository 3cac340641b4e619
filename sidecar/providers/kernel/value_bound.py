"""How many values one piece of an answer may be made of (pure).

A piece of a few megabytes can hold millions of empty lists, and each of them is looked at by somebody: so many that
nothing else gets its turn. What a model says has few values, and its letters do not count here.
"""

from __future__ import annotations

import re

# Looked at in a second at most. The longest lists of models and pages found have a tenth of it.
MOST_VALUES = 100_000

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def too_many_values(data: bytes | str) -> bool:
    """Whether the JSON has more values and names than anybody should look at. Marks inside its texts do not count."""
    if len(data) <= MOST_VALUES:
        return False
    plain = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
    return _marks(plain) > MOST_VALUES and _marks(_TEXT.sub(b'""', plain)) > MOST_VALUES


def _marks(data: bytes) -> int:
    """What stands before or between values, of which there are no more than these."""
    return data.count(b",") + data.count(b":") + data.count(b"[") + data.count(b"{")
