"""JSON in and out: fast where it can be, strict in what it takes, and nothing that JSON.parse refuses."""

from __future__ import annotations

import json
import math
import re
from itertools import islice
from typing import Any, Literal

import orjson

# orjson reads 1,024 levels and writes 254: what is accepted must fit into an answer with room around it.
MAX_DEPTH = 200
MAX_INTEGER_DIGITS = 4300
# Values and names of one message. In memory the smallest of them take twenty times their size.
MAX_VALUES = 2_000_000

# JSON that is already serialised; it is spliced into a result as it is.
Raw = orjson.Fragment

Reason = Literal["syntax", "encoding", "number", "depth", "values"]

_SCALAR = rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null'
_LEADING_MEMBER = re.compile(rb'[\s{,]*("(?:[^"\\]|\\.)*")\s*:\s*(' + _SCALAR + rb")\s*(?=[,}])")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_TRAILING_ID = re.compile(rb',\s*"id"\s*:\s*("[^"\\]*"|-?\d[\d.eE+-]*)\s*\}\s*\Z')


class BadJson(ValueError):
    """A frame that cannot be taken, and why. `id` is the request's where it could be read, else None."""

    def __init__(self, reason: Reason, id: Any = None) -> None:  # noqa: A002
        super().__init__(reason)
        self.reason: Reason = reason
        self.id = id


def loads(data: bytes) -> Any:
    """One JSON text in UTF-8. Raises BadJson.

    Escaped lone surrogates become U+FFFD. Ids keep every digit; other integers beyond 64 bits may be floats.
    """
    if len(data) > MAX_VALUES and marks(data) > MAX_VALUES:
        refuse_many(data)
    return parse(data)


def parse(data: bytes, brackets: int | None = None) -> Any:
    """As `loads`, for a text that is known not to hold too many values; `brackets` where they have been counted."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _loads_slowly(data)
    if brackets is None:
        brackets = opened(data) if len(data) > 2 * MAX_DEPTH else 0
    if brackets > MAX_DEPTH and too_deep(value):
        raise BadJson("depth", _id_of(value))
    if _has_float_id(value):
        value = _loads_slowly(data)
    return value


def method_of(head: bytes) -> str | None:
    """The method of a request of which only the first bytes are known, where it stands before `params`."""
    found = _leading_member(head, b'"method"')
    return None if found is None else found[1:-1].decode("utf-8", "replace")


def dumps(value: Any) -> bytes:
    """One line of JSON. NaN and infinities become null, lone surrogates U+FFFD.

    Raises TypeError for what JSON cannot say, RecursionError for what is nested some four hundred deep.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(_encodable(value, 1))


def recover_id(head: bytes, tail: bytes = b"") -> Any:
    """The id of a request of which only the first and the last bytes are known, or None.

    It is found where clients put it: among the plain members before `params`, or as the very last member.
    """
    leading = _leading_member(head, b'"id"')
    if leading is not None:
        return _plain_id(leading)
    last = _TRAILING_ID.search(tail)
    return _plain_id(last[1]) if last else None


def _leading_member(head: bytes, name: bytes) -> bytes | None:
    """The text of a plain member among those before the first that is none."""
    position = 0
    if head.lstrip().startswith(b"{"):
        while found := _LEADING_MEMBER.match(head, position):
            if found[1] == name:
                return bytes(found[2])
            position = found.end()
    return None


def clean(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def refuse_many(data: bytes) -> None:
    """Raise BadJson for a text with so many marks that holds too many values."""
    if _too_many(data):
        raise BadJson("values", recover_id(data[:4096], data[-256:]))


def _too_many(data: bytes) -> bool:
    """Whether there are too many values, marks inside texts left out."""
    if next(islice(_STRING.finditer(data), MAX_VALUES, None), None) is not None:
        return True
    return marks(_STRING.sub(b"", data)) > MAX_VALUES


def marks(data: bytes) -> int:
    """What stands before or between values, of which there are no more than these."""
    return data.count(b",") + data.count(b":") + opened(data)


def opened(data: bytes) -> int:
    """The brackets that open something, those inside texts too: nothing is nested deeper."""
    return data.count(b"[") + data.count(b"{")


def _loads_slowly(data: bytes) -> Any:
    """The standard library decides what orjson would not: it can say why, and keeps large integers exact."""
    refused: list[str] = []

    def refuse(text: str) -> Any:
        refused.append(text[:20])
        return None

    def finite(text: str) -> Any:
        number = float(text)
        return number if math.isfinite(number) else refuse(text)

    def integer(text: str) -> Any:
        return int(text) if len(text) <= MAX_INTEGER_DIGITS else refuse(text)

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson("encoding") from None
    try:
        value = json.loads(text, parse_constant=refuse, parse_float=finite, parse_int=integer)
    except RecursionError:
        raise BadJson("depth", recover_id(data[:4096], data[-256:])) from None
    except ValueError:
        raise BadJson("syntax") from None
    if too_deep(value):
        raise BadJson("depth", _id_of(value))
    if refused:
        raise BadJson("number", _id_of(value))
    return _cleaned(value)


def too_deep(value: Any, most: int = MAX_DEPTH) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(most):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _has_float_id(value: Any) -> bool:
    """Whether an id, or the id that a cancellation names, may have lost digits."""
    if type(value) is dict:
        params = value.get("params")
        if type(params) is list and params:
            params = {"id": params[0]} if type(params[0]) is float else params[0]
        named = params.get("id") if type(params) is dict else None
        return type(value.get("id")) is float or type(named) is float
    return type(value) is list and any(_has_float_id(item) for item in value if type(item) is dict)


def _id_of(value: Any) -> Any:
    found = value.get("id") if isinstance(value, dict) else None
    if isinstance(found, str):
        return clean(found)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _plain_id(text: bytes) -> Any:
    try:
        return _id_of({"id": _loads_slowly(text)})
    except BadJson:
        return None


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return value


def _encodable(value: Any, depth: int) -> Any:
    """The value with whatever orjson refuses put in words that it takes."""
    if type(value) is str:
        return clean(value)
    if type(value) is int and not -(2**63) <= value < 2**64:
        return Raw(str(value).encode("ascii"))
    if isinstance(value, dict):
        known: Any = {
            clean(key) if type(key) is str else key: _encodable(item, depth + 1)
            for key, item in value.items()
        }
    elif isinstance(value, (list, tuple)):
        known = [_encodable(item, depth + 1) for item in value]
    else:
        return value
    # orjson counts levels only within one call, so deep values are written in pieces.
    return Raw(orjson.dumps(known)) if depth % MAX_DEPTH == 0 else known
