"""Amounts of money as vendors write them: numbers, or text so that no digit is lost (pure)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any


def as_amount(value: Any) -> Decimal | None:
    """Return the amount, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        amount = Decimal(value.strip().replace(",", "") if isinstance(value, str) else repr(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
