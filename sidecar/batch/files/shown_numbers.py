"""Numbers of a spreadsheet as their format shows them, without losing a digit that they have (pure)."""

from __future__ import annotations

import re
from decimal import Decimal

# What a format shows as it stands: texts in quotes or behind a backslash, colours, room for a sign.
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_NUMBER = re.compile(r"([#0?,\s]*)(?:\.([#0?]*))?")
# Formats in which a number is shown in quite another form.
_OTHER = re.compile(r"[eE/@]|general", re.IGNORECASE)
# A spreadsheet keeps so many digits of a number, and shows no more.
_DIGITS = 15


def shown(value: float, number_format: str) -> str:
    """Return the number: a percentage with its sign, as many decimals and leading zeros as the format has at least.

    What the format only leaves out, decimals beyond its own, stays; marks of thousands and currencies are not added.
    """
    number = _exact(value)
    form = _LITERAL.sub("", number_format.split(";")[0])
    if _OTHER.search(form) or not re.search(r"[0#?]", form):
        return format(number, "f")
    percent = form.count("%") == 1
    if percent:
        number = _trimmed(number * 100)
    whole, decimals = next(
        (found.groups() for found in _NUMBER.finditer(form) if re.search(r"[0#?]", found[0])), ("", "")
    )
    least = (decimals or "").count("0")
    text = format(number, "f")
    if least > _decimals(text):
        text = format(number, f".{least}f")
    zeros = whole.strip() if whole else ""
    if len(zeros) > 1 and not zeros.strip("0") and number >= 0:
        before, point, behind = text.partition(".")
        text = before.zfill(len(zeros)) + point + behind
    return f"{text}%" if percent else text


def _exact(value: float) -> Decimal:
    if isinstance(value, int):
        return Decimal(value)
    return _trimmed(Decimal(format(value, f".{_DIGITS}g")))


def _trimmed(number: Decimal) -> Decimal:
    """The number without zeros at the end of its decimals, and without a sign of nothing."""
    whole = number.to_integral_value()
    return (whole if whole == number else number.normalize()) + 0


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
