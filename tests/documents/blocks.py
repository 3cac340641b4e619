"""The fenced blocks of the pages that are written by hand, and which of them a test runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# Made by schemas/generate.py and held against it; the steps of how-to-add have a test of their own.
ELSEWHERE = ("methods.md", "errors.md", "protocol.md", "how-to-add.md")
_FENCE = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """`note` is what stands behind the language; `line` is the first line of the text."""

    page: Path
    line: int
    language: str
    note: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def pages() -> list[Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "bridge" / "README.md"]
    return sorted(page for page in found if page.name not in ELSEWHERE)


def blocks(*languages: str) -> list[Block]:
    """Return every block in one of the languages, in the order of the pages."""
    return [block for page in pages() for block in _of(page) if not languages or block.language in languages]


def _of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        language, note, body = match.groups()
        yield Block(page, text.count("\n", 0, match.start(3)) + 1, language, note.strip(), body)
