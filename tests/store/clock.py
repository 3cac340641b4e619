"""The one moment at which these tests take place, and ids that count."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

NOW = 1_795_392_000_000  # 2026-11-23T00:00:00Z


def counting_ids(prefix: str = "id") -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{prefix}-{next(numbers)}"
