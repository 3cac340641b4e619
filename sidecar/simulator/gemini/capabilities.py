"""What each of Google's models takes, told a second time and apart from the catalogue (pure)."""

from __future__ import annotations

import re

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_LONG_ANSWERS = (4, 0)
# A model without a version in its name is taken for a new one.
_UNNUMBERED = (99, 0)
_WITHOUT_MINIMAL = re.compile(r"gemini-(4-argon|3\.8|3\.7|3\.1-pro)")
_BUDGETS = {
    "gemini-2.5-pro": (128, 32_768),
    "gemini-2.5-flash": (0, 24_576),
    "gemini-2.5-flash-lite": (512, 24_576),
}


def version_of(model: str) -> tuple[int, int]:
    """Return the version that the name says."""
    found = _VERSION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else _UNNUMBERED


def continues(model: str) -> bool:
    """Return whether the model's long answers come in parts."""
    return _LONG_ANSWERS <= version_of(model) < _UNNUMBERED


def levels(model: str) -> frozenset[str]:
    """Return the levels of thinking that the model takes; none for one that is older than they are."""
    if version_of(model) < (3, 0):
        return frozenset()
    return frozenset({"low", "medium", "high"} | (set() if _WITHOUT_MINIMAL.match(model) else {"minimal"}))


def budget_range(model: str) -> tuple[int, int]:
    """Return the least and the most tokens of a thinking budget."""
    return _BUDGETS.get(model, (0, 32_768))
