"""`multipleOf` by the digits that are written: as floats, 19.99 is no multiple of 0.01, and a price is refused.

JSON Schema 2020-12, 6.2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any


@cache
def with_exact_multiples(draft: Any) -> Any:
    """Return the validator of a draft of JSON Schema, which judges multiples so."""
    import jsonschema

    return jsonschema.validators.extend(draft, {"multipleOf": _multiple_of})  # type: ignore[no-untyped-call]


def is_multiple(value: float, of: float) -> bool:
    """Whether the value divides by the number, as both are written. Raise OverflowError for an infinite one."""
    return (Fraction(repr(value)) / Fraction(repr(of))).denominator == 1


def _multiple_of(validator: Any, of: Any, value: Any, _: Any) -> Iterator[Any]:
    import jsonschema

    if not validator.is_type(value, "number"):
        return
    if value in (float("inf"), float("-inf")):
        raise OverflowError("it has no digits")
    if not is_multiple(value, of):
        yield jsonschema.ValidationError(f"{value!r} is not a multiple of {of!r}")
