"""JSON as vendors write it: read even where something in it is wrong, and each value as what it is to be (pure).

Of a value of another kind than the one that is asked for comes the empty one of that kind, or None. A piece of a few
megabytes can hold millions of empty lists, and each of them is looked at by somebody: so many are not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from sidecar.providers.kernel.charset import narrowed, text_of
from sidecar.providers.kernel.loose_json import LOOSE_JSON
from sidecar.providers.kernel.respelled import read_respelled
from sidecar.providers.kernel.web_pages import without_comments


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the object, an empty one for anything else."""
    if type(value) is dict:
        return value
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """Return the array, an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the text, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def as_price_word(value: Any) -> str:
    """Return a word that decides a price, in small letters; for anything but a text or nothing one without a price.

    Vendors and gateways write the same word in capitals, or with blanks around it.
    """
    if value is None or isinstance(value, str):
        return (value or "").strip().lower()
    return "unreadable"


def as_count(value: Any) -> int:
    """Return a count as a server wrote it; what is no count at all is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value or value < 0:
        return 0
    return int(value) if value != float("inf") else 0


def told_count(value: Any) -> int | None:
    """Return a count that was told, as a number or as text; None for what is no count, which is not nought."""
    if isinstance(value, str):
        digits = value.strip()
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e18:
        return None
    return int(value)


_BETWEEN_GLUED = re.compile(r"\s*(?:data:)?\s*")
_BOM = "\ufeff"
# A text, which is kept as it is, or a comma behind which nothing follows.
_COMMA_BEFORE_END = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|,(\s*[}\]])', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")


def read_lenient(data: bytes | str, *, keep_halves: bool = False) -> Any:
    """Return the value. Raises ValueError for what is no JSON even so, or has too many values (`value_bound`).

    NaN and the infinities are None, control characters may stand in texts as they are, a comma behind the last of
    several values, and a byte order mark before all; it may be escaped for a web page, or Python's. Half an emoji
    becomes one that can be written down, unless `keep_halves`: its other half may follow.
    """
    if too_many_values(data):
        raise ValueError("too many values")
    try:
        return orjson.loads(data)
    except ValueError:
        text = text_of(data) if isinstance(data, bytes) else data
    try:
        value = _read_text(text.removeprefix(_BOM))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value if keep_halves else without_halves(value)


def written_out(value: Any) -> Any:
    """Return the object that a text holds, where a server wrote it down once too often; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError):
            return read_lenient(value)
    return value


def _read_text(text: str) -> Any:
    try:
        return LOOSE_JSON.decode(text)
    except ValueError:
        if _COMMA_BEFORE_END.search(text) is None:
            return read_respelled(text)
    without = _COMMA_BEFORE_END.sub(lambda found: found[1] or found[2], text)
    try:
        return LOOSE_JSON.decode(without)
    except ValueError:
        return read_respelled(text)


def glued_values(text: str) -> list[Any]:
    """Return the values of a text in which one stands behind the other, or behind `data:`; none of any other text."""
    if too_many_values(text):
        return []
    values, position = [], 0
    while position < len(text):
        try:
            value, end = LOOSE_JSON.raw_decode(text, position)
        except (ValueError, RecursionError):
            return []
        values.append(without_halves(value))
        between = _BETWEEN_GLUED.match(text, end)
        position = len(text) if between is None else between.end()
    return values if len(values) > 1 else []


def read_document(data: bytes) -> Any:
    """Return the value of a whole document, in UTF-8, UTF-16 or UTF-32. Raises ValueError as `read_lenient` does."""
    data = narrowed(data)
    return read_lenient(without_comments(data) or data if data.lstrip()[:1] == b"<" else data)


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


def as_amount(value: Any) -> Decimal | None:
    """Return the amount, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        amount = Decimal(_without_commas(value.strip()) if isinstance(value, str) else repr(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")


def _without_commas(amount: str) -> str:
    """Take out the commas of thousands. Any other comma stays, and what holds one is no amount: it may be a point."""
    return amount.replace(",", "") if _THOUSANDS.fullmatch(amount) else amount


def moment_ms(value: Any) -> int | None:
    """RFC 3339 text, or seconds or milliseconds as a number or as text; None for what is no time."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return moment_ms(told_count(value))
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e14:
        return None
    return int(value * 1000 if value < 1e11 else value)


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
