"""One meaning a name, one direction an import, one version: read from the source."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import sidecar
from tests.helpers.sources import modules
from tests.test_layers import imports, runtime_imports

ROOT = Path(__file__).parent.parent


def classes_by_name() -> dict[str, list[str]]:
    """Where each public class stands, generated ones left out: their names are the contract's."""
    found = defaultdict[str, list[str]](list)
    for file, tree in modules():
        for node in tree.body:
            generated = file.startswith("contract/types/")
            if isinstance(node, ast.ClassDef) and not generated and not node.name.startswith("_"):
                found[node.name].append(file)
    return found


def top_level_imports() -> dict[str, set[str]]:
    """What each module needs before it can be loaded, by file; what is imported on first use is no part of it."""
    trees = dict(modules())
    names = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in trees}
    needed: dict[str, set[str]] = {}
    for file, tree in trees.items():
        outside = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef)], [])
        inside = {
            name
            for node in ast.walk(outside)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for name in imports(node)
        }
        wanted = {name.removeprefix("sidecar.") for name in runtime_imports(outside) if name not in inside}
        modules_wanted = {names.get(name) or names.get(name.rpartition(".")[0]) for name in wanted}
        needed[file] = {each for each in modules_wanted if each is not None} - {file}
    return needed


def test_no_public_class_has_the_name_of_another() -> None:
    twice = {name: files for name, files in classes_by_name().items() if len(files) > 1}
    assert twice == {}


def test_no_module_needs_itself_before_it_is_loaded() -> None:
    needed = top_level_imports()
    assert any(needed.values())
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        raise AssertionError(f"these import each other: {' > '.join(error.args[1])}") from None


def test_there_is_one_version_number() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bridge = json.loads((ROOT / "bridge" / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((ROOT / "bridge" / "package-lock.json").read_text(encoding="utf-8"))
    versions = re.findall(
        r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    told = {project.get("version", sidecar.__version__), bridge["version"], locked["version"], versions[0]}
    assert told == {sidecar.__version__}
