"""The pieces of a stream in which something on the way sends each of them twice (pure).

Two pieces that are alike may be two of one word, so the second is held back until it is clear: three pairs one after
the other, none like the next, are no answer's. Others come as they are, and at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sidecar.providers.kernel.sse import SseEvent

_LEAST_PAIRS = 3


class Doubled:
    """Takes the pieces as they come, and gives each once."""

    def __init__(self) -> None:
        self._held: list[SseEvent] = []
        self._doubles: bool | None = None
        self._last: SseEvent | None = None

    def take(self, pieces: list[SseEvent]) -> list[SseEvent]:
        """Return those of the pieces, and of what was held back, that are to be read now."""
        if self._doubles is False:
            return pieces
        return [each for piece in pieces for each in self._one(piece)]

    def finish(self) -> list[SseEvent]:
        """Return what was held back to the end."""
        held, self._held = self._held, []
        return held[2::2] if len(held) >= 2 * (_LEAST_PAIRS - 1) and self._pairs(held) else held[1:]

    def _one(self, piece: SseEvent) -> Iterator[SseEvent]:
        if self._doubles is False:
            yield piece
        elif self._doubles:
            # The second of a pair is left out, and the one behind it is the first of the next.
            second, self._last = piece == self._last, piece
            if second:
                self._last = None
            else:
                yield piece
        else:
            yield from self._undecided(piece)

    def _undecided(self, piece: SseEvent) -> Iterator[SseEvent]:
        self._held.append(piece)
        if len(self._held) == 1:
            yield piece
        elif not self._may_be_pairs():
            self._doubles = False
            held, self._held = self._held[1:], []
            yield from held
        elif len(self._held) == 2 * _LEAST_PAIRS:
            self._doubles = True
            held, self._held = self._held[2::2], []
            yield from held

    def _may_be_pairs(self) -> bool:
        whole = self._held[: len(self._held) // 2 * 2]
        return self._pairs(whole) and (len(self._held) % 2 == 0 or self._held[-1] != self._held[-2])

    @staticmethod
    def _pairs(held: list[SseEvent]) -> bool:
        alike = all(first == second for first, second in zip(held[::2], held[1::2], strict=False))
        firsts = held[::2]
        return alike and all(one != other for one, other in pairwise(firsts))
