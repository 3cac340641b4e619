"""The sidecar's modules as they are written, parsed once a process for every test that reads them."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path

SIDECAR = Path(__file__).parent.parent.parent / "sidecar"


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Return each module's path below `sidecar` and its tree.

    None of half a million nodes is garbage: looking through them while they are made costs four times as much as to
    make them, and each collection after that would look again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return tuple(
            (path.relative_to(SIDECAR).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
            for path in sorted(SIDECAR.rglob("*.py"))
        )
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@cache
def nodes(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Return all nodes of a tree that `modules` gave, or of a part of it."""
    return tuple(ast.walk(tree))
