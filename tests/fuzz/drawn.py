"""Examples of a strategy as a list, for what is asked many things within one process."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from tests.helpers.soak import SOAK

T = TypeVar("T")


def drawn(strategy: SearchStrategy[T], number: int) -> list[T]:
    """Return that many examples, fewer where there are no more; in every run the same ones, but for `make soak`."""
    found: list[T] = []

    @settings(
        max_examples=number,
        derandomize=not SOAK,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(example: T) -> None:
        found.append(example)

    keep()
    return found
