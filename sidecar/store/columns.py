"""Between Python values and columns: money, JSON and text that SQLite can hold."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from sidecar.store.records import Uncertain

_PICO = Decimal("1e-12")


def to_pico(usd: Decimal | None) -> int | None:
    """Dollars as whole 1e-12 dollars."""
    return None if usd is None else int((usd / _PICO).to_integral_value(ROUND_HALF_EVEN))


def from_pico(pico: int | None) -> Decimal | None:
    return None if pico is None else Decimal(pico) * _PICO


def uncertain_from(calls: int, least_pico: int, most_pico: int, unbounded: int) -> Uncertain:
    return Uncertain(calls, Decimal(least_pico) * _PICO, Decimal(most_pico) * _PICO, unbounded)


def usd_to_real(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def usd_from_real(value: float | None) -> Decimal | None:
    """The shortest decimal that is that float, not its 50 binary digits."""
    return None if value is None else Decimal(repr(value))


def to_json(value: Any) -> str:
    """ASCII, so that half a surrogate pair is kept too. Decimals become text. Raises ValueError for NaN."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_decimal_text)


def from_json(text: str) -> Any:
    return json.loads(text)


def storable(text: str) -> str:
    """The text with halves of surrogate pairs joined or replaced: SQLite refuses what is not UTF-8."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _decimal_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
