"""A docstring that says "(pure)" is a promise: no waiting, no files, no network, no clock, no chance.

What such a module says in the log is not part of what it decides; and a path may be handed to it as a name.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.helpers.sources import SIDECAR, modules

# What reaches the world outside, waits for it, or is another one in each run.
WORLD = {
    "aiohttp",
    "aiosqlite",
    "asyncio",
    "concurrent",
    "getpass",
    "httpx",
    "httpx_aiohttp",
    "io",
    "keyring",
    "multiprocessing",
    "os",
    "pathlib",
    "platformdirs",
    "random",
    "secrets",
    "select",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
# Types of what is handed in, and names that only take texts apart.
HARMLESS = {
    "urllib.parse",
    "pathlib.Path",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "io.StringIO",
    "io.BytesIO",
}
CALLS = {"open", "print", "input"}
FILES = {
    "exists",
    "glob",
    "is_dir",
    "is_file",
    "iterdir",
    "mkdir",
    "read_bytes",
    "read_text",
    "rglob",
    "unlink",
    "write_bytes",
    "write_text",
}
WAITING = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)


def says_pure(tree: ast.Module) -> bool:
    return "(pure)" in first_line(tree)


def first_line(tree: ast.Module) -> str:
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def written_pure(source: str) -> bool:
    """The same before it is parsed: whoever gathers the tests parses nothing."""
    return source.startswith(('"""', 'r"""')) and "(pure)" in source.partition("\n")[0]


PURE = sorted(
    path.relative_to(SIDECAR).as_posix()
    for path in SIDECAR.rglob("*.py")
    if written_pure(path.read_text(encoding="utf-8"))
)


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_of_the_world(name: str) -> bool:
    harmless = any(name == one or name.startswith(one + ".") for one in HARMLESS)
    return name.partition(".")[0] in WORLD and not harmless


def reaches_out(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    by_name = isinstance(called, ast.Name) and called.id in CALLS
    return by_name or (isinstance(called, ast.Attribute) and called.attr in FILES)


@pytest.mark.parametrize("file", PURE)
def test_a_module_that_says_pure_neither_waits_nor_touches_the_world(file: str) -> None:
    tree = dict(modules())[file]
    waits = [f"line {node.lineno}" for node in ast.walk(tree) if isinstance(node, WAITING)]
    calls = [ast.unparse(node) for node in ast.walk(tree) if reaches_out(node)]
    assert waits + calls + sorted(filter(is_of_the_world, imported(tree))) == []


def test_a_module_is_pure_by_one_word_in_its_first_line_and_by_no_other() -> None:
    other = [
        file
        for file, tree in modules()
        if re.search(r"\(pure\)|\bPure\b", docstring := ast.get_docstring(tree) or "")
        and (not says_pure(tree) or "Pure" in docstring)
    ]
    assert other == []
    assert sorted(file for file, tree in modules() if says_pure(tree)) == PURE


def test_most_of_what_decides_says_that_it_is_pure() -> None:
    assert len(PURE) > 60
