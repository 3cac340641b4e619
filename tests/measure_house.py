"""How the house is built: files, lines and imports by folder, circles, and class names that stand twice.

Run as `python -m tests.measure_house [CHECKOUT]`; to compare the numbers of two. Nothing depends on it.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path


def parsed(sidecar: Path) -> dict[str, ast.Module]:
    """Return every module that is written by hand, by its dotted name below `sidecar`."""
    files = (
        path for path in sorted(sidecar.rglob("*.py")) if path.relative_to(sidecar).parts[0] != "contract"
    )
    return {
        ".".join(path.relative_to(sidecar).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in files
    }


def imported(tree: ast.Module, modules: dict[str, ast.Module]) -> Iterator[str]:
    """Yield our modules that this one imports, at its top, within a function or for types alone."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            ours = name.removeprefix("sidecar.")
            yield from (each for each in (ours, ours.rpartition(".")[0]) if name != ours and each in modules)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other, each sorted."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen, waiting = set[str](), list(graph[start])
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                waiting += graph[here]
        reach[start] = seen
    groups = {
        tuple(sorted({one, *(other for other in reach[one] if one in reach[other])}))
        for one in graph
        if one in reach[one]
    }
    return [list(group) for group in sorted(groups)]


def folder_of(module: str, path: Path) -> str:
    package = path.joinpath(*module.split(".")).is_dir()
    return module.replace(".", "/") if package else module.rpartition(".")[0].replace(".", "/") or "."


def main(checkout: Path) -> None:
    sidecar = checkout / "sidecar"
    modules = parsed(sidecar)
    folders = {module: folder_of(module, sidecar) for module in modules}
    files, lines, inside, out = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    graph: dict[str, set[str]] = {}
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for module, tree in modules.items():
        folder = folders[module]
        source = sidecar.joinpath(*module.split("."))
        text = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
        files[folder] += 1
        lines[folder] += len(text.read_text(encoding="utf-8").splitlines())
        graph[module] = set(imported(tree, modules)) - {module}
        for other in graph[module]:
            (inside if folders[other] == folder else out)[folder] += 1
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].append(module)
    sys.stdout.write("folder                          files   lines  imports inside  to others\n")
    for folder in sorted(files):
        sys.stdout.write(
            f"{folder:30} {files[folder]:6} {lines[folder]:7} {inside[folder]:15} {out[folder]:10}\n"
        )
    totals = (files.total(), lines.total(), inside.total(), out.total())
    sys.stdout.write("{:30} {:6} {:7} {:15} {:10}\n".format("all", *totals))
    sys.stdout.write(f"circles: {circles(graph) or 'none'}\n")
    twice = {name: where for name, where in sorted(classes.items()) if len(set(where)) > 1}
    sys.stdout.write(f"class names that stand twice: {len(twice) or 'none'}\n")
    for name, where in twice.items():
        sys.stdout.write(f"  {name}: {', '.join(where)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent)
