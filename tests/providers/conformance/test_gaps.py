"""What a vendor's adapter says that it lacks is a case of the list, and has a reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.providers.conformance.vendors import EVERYBODY

HERE = Path(__file__).parent
CASES = {
    node.name
    for path in HERE.glob("test_*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
}


@pytest.mark.parametrize("whose", EVERYBODY, ids=lambda whose: whose.name)
def test_every_gap_is_a_case_of_the_list_and_has_a_reason(whose: object) -> None:
    told = {**vars(type(whose)).get("gaps", {}), **vars(type(whose)).get("wrong", {})}
    assert told.keys() <= CASES
    assert all(len(reason.split()) > 3 for reason in told.values())
