"""The drawings of docs/architecture.md: the modules and the states that each one names."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "architecture.md"
FOLDERS = "rpc|methods|chat|checker|batch|money|spending|providers|store"


def drawing(heading: str) -> str:
    """Return the first drawing below a heading. Raise ValueError where the page has none."""
    _, found, rest = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")
    drawn = re.search(r"^```\n(.*?)^```", rest.partition("\n## ")[0], re.MULTILINE | re.DOTALL)
    if not found or drawn is None:
        raise ValueError(f"there is no drawing below {heading!r}")
    return drawn[1]


def modules_in(drawn: str) -> list[str]:
    """Return the modules and folders that a drawing names, each once, in the order in which they stand."""
    return list(dict.fromkeys(re.findall(rf"(?<![\w/])((?:{FOLDERS})/(?:[a-z_]+(?:/[a-z_]+)*)?)", drawn)))


def boxes_in(drawn: str) -> set[str]:
    """Return the words that have a box to themselves."""
    return set(re.findall(r"│ +([a-z]+) +│", drawn))
