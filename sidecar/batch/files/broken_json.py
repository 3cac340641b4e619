"""What a person can do about a place at which a file is not JSON (pure)."""

from __future__ import annotations

import re

_TELLS_WHAT_TO_DO = re.compile(r"\. [A-Z]")
_OTHER_QUOTES = (
    "JSON has names and texts in double quotes: have the program save JSON (Python: json.dump), or CSV."
)
_BEFORE = "Take out what stands before the first bracket, as a script has it, and import it again."
_LINE = "Mend it, or have the program that wrote it save it once more."
_PLACE = "What stands before was read; mend this place, or have the program that wrote it save it once more."


def with_next_step(said: str) -> str:
    """Return what is said of such a place, with what to do."""
    if _TELLS_WHAT_TO_DO.search(said):
        return said
    if "double quotes" in said:
        return f"{said} {_OTHER_QUOTES}"
    if said.startswith('Where "[" or "{" should stand there is "'):
        return f"{said} {_BEFORE}"
    if said.startswith("This line is not JSON"):
        return f"{said} {_LINE}"
    return f"{said} {_PLACE}" if "JSON" in said or said.startswith("Where ") else said
