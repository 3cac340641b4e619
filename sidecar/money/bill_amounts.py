"""A number of dollars, or of tokens, as many countries write it (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from sidecar.providers.bills import MOST_USD

_NOTHING = frozenset({"", "-", "–", "—"})
_DOLLAR = re.compile(r"US\s?\$|USD|\$")
_OTHER = {",": ".", ".": ","}
_NO_MARKS = str.maketrans("", "", ",.")


class Amounts:
    """Reads the cells of one file, whose numbers are written in one way: 1,50 is what tells that 1,234 is less than 2.

    Where nothing tells, a comma before three digits is the decimal point between semicolons, and a point always;
    `whole` numbers have none of either.
    """

    def __init__(self, cells: Iterable[str], *, semicolons: bool, whole: bool = False) -> None:
        signs = {sign for cell in cells if (sign := _decimal_sign(_bare(cell)))}
        self._told = signs.pop() if len(signs) == 1 else ""
        self._contradict = bool(signs) and not self._told
        self._comma = semicolons and not whole
        self._point = not whole

    def read(self, cell: str) -> Decimal:
        """Return the number; nothing is 0.

        What is in brackets, or has its sign behind it, is below 0 as accountants write it. Raises InvalidOperation,
        also for a cell that the others of the file leave open: one thousand, or one and a bit.
        """
        bare = _bare(cell)
        if bare in _NOTHING:
            return Decimal(0)
        number = Decimal(_with_point(bare, _decimal_sign(bare) or self._sign(bare)))
        if not abs(number) < MOST_USD:
            raise InvalidOperation
        return number

    def _sign(self, bare: str) -> str:
        """What is the decimal point of a cell that does not tell it."""
        found = "," if "," in bare else "." if "." in bare else ""
        if found and self._contradict:
            raise InvalidOperation
        if self._told or not found:
            return self._told or "."
        return found if (self._comma if found == "," else self._point) else _OTHER[found]


def _bare(text: str) -> str:
    """The digits and signs of a cell, a minus in front."""
    bare = re.sub(r"[\s\u00a0\u202f\u2009'’]", "", _DOLLAR.sub("", text).replace("\u2212", "-"))
    if bare.startswith("(") and bare.endswith(")"):
        return f"-{bare[1:-1]}"
    return f"-{bare[:-1]}" if bare.endswith("-") and bare not in _NOTHING else bare


def _decimal_sign(bare: str) -> str:
    """Return what must be the decimal point of a number, empty where it has none or it may be one of thousands."""
    digits = re.split("[eE]", bare.lstrip("+-"))[0]
    marks = [mark for mark in digits if mark in _OTHER]
    if not marks or not digits.translate(_NO_MARKS).isdigit():
        return ""
    if len(set(marks)) == 2:
        return marks[-1]
    [mark] = set(marks)
    if len(marks) > 1:
        return _OTHER[mark]
    before, _, after = digits.partition(mark)
    return "" if len(after) == 3 and 1 <= len(before) <= 3 and before[0] != "0" else mark


def _with_point(bare: str, sign: str) -> str:
    return bare.replace(_OTHER[sign], "").replace(sign, ".")
