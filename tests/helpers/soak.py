"""How much is enough: a size for every run of the suite, and a larger one where `make soak` has the time."""

from __future__ import annotations

import os

SOAK = os.environ.get("ABAI_SOAK") == "1"


def longer(usual: int, in_soak: int) -> int:
    """Return the size for this run."""
    return in_soak if SOAK else usual
