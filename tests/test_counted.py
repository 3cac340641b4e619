"""Amounts of money as a person reads them: one rule, in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar import counted
from sidecar.cli.words import cost_of
from sidecar.cli.words import dollars as in_a_terminal
from sidecar.report.words import dollars as in_a_report

SOURCES = Path(counted.__file__).parent
# The one place, and the sentence whose figures add up as they stand.
WRITERS = {"counted.py", "spending/budget.py"}


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0.00"),
        ("1234567.891", "$1,234,567.89"),
        ("1", "$1.00"),
        ("0.5", "$0.50"),
        ("0.123456", "$0.1235"),
        ("0.0000123456", "$0.00001235"),
        ("0.000000000001", "$0.000000000001"),
        ("-0.25", "-$0.25"),
        ("1e300", f"${Decimal('1e300'):,.2f}"),
        ("1e-300", "$0.00"),
    ],
)
def test_an_amount_is_written_alike_in_a_terminal_a_report_and_a_sentence(usd: str, shown: str) -> None:
    written = {counted.dollars(Decimal(usd)), in_a_terminal(float(usd)), in_a_report(Decimal(usd))}
    assert written == {shown}


def test_a_bound_that_is_shown_still_holds() -> None:
    assert (counted.at_least(0.123456), counted.at_most(0.123411)) == ("$0.1234", "$0.1235")
    assert (counted.at_least(1.999), counted.at_most(1.001)) == ("$1.99", "$1.01")
    told = {"costAtLeastUSD": 0.00012349, "costAtMostUSD": 0.00012341}
    assert cost_of(told) == "$0.0001234 to $0.0001235"


def test_dollars_are_written_in_one_place() -> None:
    found = {path.relative_to(SOURCES).as_posix() for path in SOURCES.rglob("*.py") if any(_amounts(path))}
    assert {name for name in found if not name.startswith("simulator/")} == WRITERS


def _amounts(path: Path) -> Iterator[bool]:
    """Whether text that ends in a dollar sign stands before a figure."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            pairs = zip(node.values, node.values[1:], strict=False)
            yield from (
                isinstance(one, ast.Constant)
                and str(one.value).endswith("$")
                and isinstance(other, ast.FormattedValue)
                for one, other in pairs
            )
