"""The pieces of answers, cut anew at line ends: a key that came in two pieces is whole in one line (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sidecar.recorder import lines
from sidecar.recorder.redaction import Redaction


@dataclass(slots=True)
class _Coming:
    held: bytearray = field(default_factory=bytearray)
    kept: int = 0
    cut: int = 0


class Reassembler:
    """Of each answer that is coming, what has not been written yet."""

    def __init__(self, redaction: Redaction, max_bytes: int = lines.MAX_KEPT_BYTES) -> None:
        self._redaction = redaction
        self._max_bytes = max_bytes
        self._coming: dict[int, _Coming] = {}
        self._left_out: set[int] = set()

    def add(self, number: int, at: int, data: bytes) -> bytes:
        """The lines that this chunk completes. Nothing is kept once the answer is too long."""
        coming = self._coming.setdefault(number, _Coming())
        if number in self._left_out or coming.cut or coming.kept + len(data) > self._max_bytes:
            coming.cut += len(data)
            return b""
        coming.kept += len(data)
        coming.held += data
        whole = coming.held.rfind(b"\n") + 1
        if not whole:
            return b""
        piece = bytes(coming.held[:whole])
        del coming.held[:whole]
        return lines.piece(number, at, piece, self._redaction)

    def leave_out(self, number: int) -> None:
        """Nothing of this answer is kept, but that it came."""
        self._left_out.add(number)

    def end(self, number: int, at: int, how: Any) -> bytes:
        """What is left of the answer, and how it ended."""
        coming = self._coming.pop(number, _Coming())
        self._left_out.discard(number)
        rest = lines.piece(number, at, bytes(coming.held), self._redaction) if coming.held else b""
        return rest + lines.ended(number, at, how, coming.cut)
