"""Tables of Markdown, as they are copied out of documents and chats. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# | prompt | note |
# |:-------|-----:|
_BELOW_HEADER = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")


def is_table(sample: str) -> bool:
    """Whether a text begins with the header of such a table and the line below it."""
    lines = [line.strip() for line in sample.lstrip("\ufeff \t\r\n").splitlines()[:2]]
    return len(lines) == 2 and "|" in lines[0] and "|" in lines[1] and bool(_BELOW_HEADER.fullmatch(lines[1]))


def records(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the cells of each line, without the one below the header."""
    for line in lines:
        text = line.strip("\ufeff \t\r\n")
        if not text:
            yield []
        elif not _BELOW_HEADER.fullmatch(text):
            yield [cell.strip().replace("\\|", "|") for cell in _BETWEEN_CELLS.split(_without_edges(text))]


def _without_edges(text: str) -> str:
    text = text.removeprefix("|")
    return text[:-1] if text.endswith("|") and not text.endswith("\\|") else text
