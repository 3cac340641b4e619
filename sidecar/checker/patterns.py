"""Patterns held against texts, which can take for ever: always in the process that can be ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def search(task: dict[str, Any]) -> dict[str, Any]:
    """Return which of the texts the pattern is found in, or why it is no pattern. Inside the process."""
    import re

    try:
        pattern = re.compile(task["pattern"], re.IGNORECASE if task["ignoreCase"] else 0)
    except (re.error, OverflowError, RecursionError) as error:
        return {"problem": str(error)}
    return {"found": [pattern.search(text) is not None for text in task["texts"]]}


def task_of(pattern: str, texts: Sequence[str], *, ignore_case: bool) -> dict[str, Any]:
    """Return the task for the process."""
    return {"pattern": pattern, "ignoreCase": ignore_case, "texts": list(texts)}
