"""JSON and JSON lines, one element at a time: a file never stands in memory as a whole. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import orjson

from sidecar.batch.files.columns import read_json
from sidecar.json_stream import BrokenJson, read_elements
from sidecar.store.columns import storable, to_json


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is not JSON, among others that may be."""

    message: str


def encode(value: Mapping[str, Any]) -> bytes:
    """One line of JSON. Halves of surrogate pairs are replaced; integers keep all their digits."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return to_json(_clean(value)).encode("ascii")


def lines(text: Iterable[str]) -> Iterator[Any]:
    """The value of each line; None for an empty one."""
    for line in text:
        if not line.strip():
            yield None
            continue
        try:
            yield read_json(line)
        except ValueError as error:
            yield Unreadable(f"This line is not JSON ({_reason(error)}).")


def elements(text: TextIO) -> Iterator[Any]:
    """The elements of an array, or of the array `rows` of an object. Raises BrokenJson."""
    for element in read_elements(lambda size: text.read(size).encode("utf-8", "surrogatepass")):
        try:
            yield read_json(element.decode("utf-8", "surrogatepass"))
        except ValueError as error:
            raise BrokenJson(f"From here on the file is not JSON ({_reason(error)}).") from None


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(name): _clean(item) for name, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value


def _reason(error: ValueError) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
