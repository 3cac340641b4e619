"""JSON whose numbers keep their spelling, where a window in JavaScript would spell them in another way (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_SAFE = 2**53


class Spelled(str):
    """A number as it was written, which a double cannot hold or would be printed otherwise."""

    __slots__ = ()


def kept_by_javascript(text: str) -> bool:
    """Whether a number of JSON is printed by JavaScript as it is written: 1.10, 1.0, 1e3 and 2^53 are not."""
    if text.lstrip("-").isdigit():
        return text != "-0" and (len(text) < 16 or abs(int(text)) < _SAFE)
    return repr(float(text)) == text and not text.endswith(".0") and "e" not in text


def _number(text: str) -> Any:
    if not kept_by_javascript(text):
        return Spelled(text)
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _no_number(name: str) -> None:
    """NaN and the infinities, as Python writes them for what a table has no value of."""


_DECODER = json.JSONDecoder(parse_constant=_no_number)
_SPELLING = json.JSONDecoder(parse_constant=_no_number, parse_float=_number, parse_int=_number)


def read_json(text: str) -> Any:
    """Return the value of one JSON text. NaN is no value. Raise ValueError, also for what is nested too deep."""
    return _read(_DECODER, text)


def read_spelled(text: str) -> Any:
    """As `read_json`, with a Spelled for each number that JavaScript would spell otherwise."""
    return _read(_SPELLING, text)


def _read(decoder: json.JSONDecoder, text: str) -> Any:
    try:
        return decoder.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def as_data(value: Any) -> Any:
    """Return a value of `read_spelled` as data of a row: what holds a Spelled is the text that a template prints."""
    if not _holds_spelled(value):
        return value
    return str(value) if isinstance(value, str) else _printed(value)


def as_value(value: Any) -> Any:
    """Return a value of `read_spelled` with ordinary numbers."""
    return _with_numbers(value) if _holds_spelled(value) else value


def _with_numbers(value: Any) -> Any:
    if isinstance(value, Spelled):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if isinstance(value, dict):
        return {name: _with_numbers(item) for name, item in value.items()}
    return [_with_numbers(item) for item in value] if isinstance(value, list) else value


def as_sent(value: Any) -> Any:
    """Return a value of a row's data as it may go through JavaScript: text where it holds an integer beyond 2^53."""
    if not _holds_large(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _holds_spelled(value: Any) -> bool:
    return any(isinstance(each, Spelled) for each in _leaves(value))


def _holds_large(value: Any) -> bool:
    return any(isinstance(each, int) and abs(each) >= _SAFE for each in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    """Yield all that is neither a list nor an object in this value, in no order. A row may be millions of lists."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            left += each.values()
        else:
            yield each


def _printed(value: Any) -> str:
    """As `json.dumps` prints it, with the numbers as they were written."""
    if isinstance(value, Spelled):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_printed(name)}: {_printed(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_printed, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
