"""Every file and link that a page names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.drawings import boxes_in, drawing, modules_in

ROOT = Path(__file__).parent.parent
STATES_OF = {"The states of a native part": "batch_parts", "The states of a ledger row": "ledger"}
DRAWINGS = ("The pipe", "A turn", "A local row", *STATES_OF)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bridge" / "README.md"])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
# What begins like this, in a page's text, is a path from the top; what ends like this, a file.
FOLDERS = ("schemas/", "data/", "sidecar/", "bridge/", "packaging/", "docs/", "tests/", ".github/")
FILE = re.compile(r"^[\w./*-]+\.(py|md|json|ts|toml|yml|sql)$")
# Made by commands, of the person's own, or of the page's reader.
ELSEWHERE = ("dist/", "out/", "build/", "<", "models.json", "package.json", "main.ts", "preload.ts")


def prose(page: Path) -> str:
    """Return the page without its fenced blocks, whose drawings and commands are not paths of ours."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[Path]:
    for target in LINK.findall(prose(page)):
        if "://" not in target and not target.startswith("#"):
            yield page.parent / target.partition("#")[0]


def named(page: Path) -> Iterator[str]:
    """Yield what looks like a path of this repository among the page's words in code."""
    for word in CODE.findall(prose(page)):
        path = word.partition("::")[0]
        plain = re.fullmatch(r"[\w./*-]+", path) is not None
        made_up = "toy" in path.lower()  # docs/how-to-add.md makes one of each thing
        if plain and not made_up and (path.startswith(FOLDERS) or ("/" in path and FILE.match(path))):
            yield path


def exists(page: Path, path: str) -> bool:
    bases = (ROOT, ROOT / "sidecar", page.parent, page.parent / "src")
    return any(any(base.glob(path.rstrip("/"))) for base in bases)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_and_every_path_in_a_page_leads_somewhere(page: Path) -> None:
    broken = [str(target) for target in links(page) if not target.exists()]
    missing = [path for path in named(page) if not path.startswith(ELSEWHERE) and not exists(page, path)]
    assert broken + missing == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: page.name)
def test_every_page_is_linked_from_another(page: Path) -> None:
    assert any(target.resolve() == page for other in PAGES if other != page for target in links(other))


def test_the_drawings_name_modules_that_are_there() -> None:
    modules = [module for heading in DRAWINGS for module in modules_in(drawing(heading))]
    assert len(modules) > 20
    gone = [
        module
        for module in modules
        if not (ROOT / "sidecar" / module).is_dir() and not (ROOT / "sidecar" / f"{module}.py").exists()
    ]
    assert gone == []


def test_the_states_that_are_drawn_are_those_that_the_database_takes() -> None:
    schema = (ROOT / "data/database.sql").read_text("utf-8")
    for heading, table in STATES_OF.items():
        (taken,) = re.findall(rf"CREATE TABLE {table} \(.*?CHECK \(state IN \(([^)]*)\)\)", schema)
        assert boxes_in(drawing(heading)) == set(re.findall(r"'(\w+)'", taken))
