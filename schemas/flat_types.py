"""Which params are so plain that they can be read without a model, out of the models that are generated."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

_SCALARS = frozenset({"str", "int", "float", "bool"})
_BOUNDS = {"min_length": "least", "max_length": "most", "ge": "least", "le": "most"}
_NO = object()

Member = tuple[str, str, Any, bool, bool, Any, Any]
"""Wire name, name, kind, required, nullable, least, most: as sidecar/methods/flat_params.py reads them."""


class _NotFlatError(Exception):
    """The type holds something that only a model can check."""


def flat_types(code: str) -> dict[str, tuple[Member, ...]]:
    """Return the members of every class of a module of models all of whose members are plain."""
    found: dict[str, tuple[Member, ...]] = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["WireModel"]:
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            try:
                found[node.name] = tuple(_member(each, found) for each in fields)
            except _NotFlatError:
                continue
    return found


def _member(field: ast.AnnAssign, known: Mapping[str, Any]) -> Member:
    name = ast.unparse(field.target)
    annotation, told = field.annotation, dict[str, Any]()
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Annotated":
        assert isinstance(annotation.slice, ast.Tuple)
        annotation, *metadata = annotation.slice.elts
        told = _constraints(metadata)
    default = _NO if field.value is None else ast.literal_eval(field.value)
    if default not in (_NO, None):
        raise _NotFlatError
    kind, nullable = _kind(annotation, known)
    wire = told.pop("alias", name)
    return wire, name, kind, default is _NO, nullable, told.get("least"), told.get("most")


def _constraints(metadata: list[ast.expr]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for each in metadata:
        if not isinstance(each, ast.Call) or ast.unparse(each.func) != "Field" or each.args:
            raise _NotFlatError
        for keyword in each.keywords:
            meaning = "alias" if keyword.arg == "alias" else _BOUNDS.get(str(keyword.arg))
            if meaning is None:
                raise _NotFlatError
            told[meaning] = ast.literal_eval(keyword.value)
    return told


def _kind(annotation: ast.expr, known: Mapping[str, Any]) -> tuple[Any, bool]:
    """The kind, and whether null is taken: the name of a scalar, `any`, `dict`, words, or the members of a type."""
    if isinstance(annotation, ast.BinOp) and ast.unparse(annotation.right) == "None":
        kind, _ = _kind(annotation.left, known)
        return kind, True
    text = ast.unparse(annotation)
    if text in _SCALARS:
        return text, False
    if text == "Any":
        return "any", True
    if text == "dict[str, Any]":
        return "dict", False
    if text in known:
        return known[text], False
    if text.startswith("Literal["):
        words = ast.literal_eval(text.removeprefix("Literal"))
        if all(isinstance(word, str) for word in words):
            return frozenset(words), False
    raise _NotFlatError
