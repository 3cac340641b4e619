"""JSON as servers write it: read even where something in it is wrong that nobody needs (pure)."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from sidecar.providers.kernel.wide_text import wide_encoding

_BOM = "\ufeff"
_HALF = re.compile("[\ud800-\udfff]")


def read_lenient(data: bytes | str, *, keep_halves: bool = False) -> Any:
    """Return the value. Raises ValueError for what is no JSON even so.

    NaN and the infinities are None, control characters may stand in texts as they are, and a byte order mark may
    come first. Half an emoji becomes one that can be written down, unless `keep_halves`: its other half may follow.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        value = json.loads(text.removeprefix(_BOM), strict=False, parse_constant=lambda name: None)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value if keep_halves else without_halves(value)


def read_document(data: bytes) -> Any:
    """Return the value of a whole document, in UTF-8 or UTF-16. Raises ValueError as `read_lenient` does."""
    encoding = wide_encoding(data)
    return read_lenient(data if encoding is None else data.decode(encoding, "replace"))


def whole_text(text: str) -> str:
    """Return the text with the halves of an emoji that stand together made one, and single ones replaced."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def without_halves(value: Any) -> Any:
    """Return the value with every text inside it, names too, as `whole_text` gives it."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [without_halves(item) for item in value]
    if isinstance(value, dict):
        return {whole_text(name): without_halves(item) for name, item in value.items()}
    return value


def cut_before_half(text: str) -> tuple[str, str]:
    """Return the text without, and then alone, the first half of an emoji at its very end."""
    return (text[:-1], text[-1]) if text and "\ud800" <= text[-1] <= "\udbff" else (text, "")
