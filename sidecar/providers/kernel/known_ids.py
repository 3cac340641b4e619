"""Ids of rows that were told already, as far as they are remembered: a results file may name any number of them."""

from __future__ import annotations

# More than any vendor takes rows into a batch. What is told twice behind them is harmless, and not worth the memory.
MOST_IDS = 250_000
# Of all ids together.
MOST_LETTERS = 16_000_000


class KnownIds:
    """The first so many ids."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._letters = 0

    def __contains__(self, custom_id: str) -> bool:
        return custom_id in self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, custom_id: str) -> None:
        """Remember the id where there is room."""
        if len(self._ids) < MOST_IDS and self._letters + len(custom_id) <= MOST_LETTERS:
            before = len(self._ids)
            self._ids.add(custom_id)
            if len(self._ids) > before:
                self._letters += len(custom_id)
