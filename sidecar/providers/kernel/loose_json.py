"""Read JSON that orjson does not take, into the values that orjson gives (pure)."""

from __future__ import annotations

import json

_LEAST, _MOST = -(2**63), 2**64 - 1


def _number(digits: str) -> int | float:
    """An integer that can be written down again; a larger one is a float, as orjson has it. Python counts no further
    than some thousand digits."""
    if len(digits) > len(str(_LEAST)):
        return float(digits)
    number = int(digits)
    return number if _LEAST <= number <= _MOST else float(number)


LOOSE_JSON = json.JSONDecoder(strict=False, parse_int=_number, parse_constant=lambda name: None)
"""NaN and the infinities are None, and control characters may stand in texts as they are."""
