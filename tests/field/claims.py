"""The lists of what happens in the field, and which test claims which of their lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

FOLDER = Path(__file__).parent
LISTS = FOLDER / "lists"
Test = TypeVar("Test", bound=Callable[..., object])


class Line(NamedTuple):
    """One behaviour: `list_name` is the file without its ending, `text` the line without its bullet."""

    list_name: str
    text: str


class Claim(NamedTuple):
    """`start` is how the claimed line begins; `test` is where, for a message."""

    list_name: str
    start: str
    test: str


def field(list_name: str, start: str) -> Callable[[Test], Test]:
    """Mark a test as the one of the line of `lists/<list_name>.md` that begins with `start`. Marks may be stacked."""

    def mark(test: Test) -> Test:
        return test

    return mark


def lines() -> list[Line]:
    """Every bullet, and every row of a table, of every list."""
    found = []
    for path in sorted(LISTS.glob("*.md")):
        for raw in path.read_text(encoding="utf-8").splitlines():
            bullet = re.match(r"\s*- (.+)", raw)
            row = re.match(r"\| ([\w-]+\.\w+) \|", raw)
            if bullet or row:
                found.append(Line(path.stem, (bullet or row)[1]))  # type: ignore[index]
    return found


def claims() -> Iterator[Claim]:
    """Every `@field("list", "start")` in the tests of this folder, read from their source."""
    for path in sorted(FOLDER.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "field":
                    list_name, start = (ast.literal_eval(argument) for argument in mark.args)
                    yield Claim(list_name, start, f"{path.name}::{node.name}")
