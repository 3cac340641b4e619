"""What a request runs through: the files and the functions of the sidecar that are entered until all of it is done."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

SIDECAR = Path(__file__).parent.parent / "sidecar"
# A module that is loaded runs from its top: that is no step of the request. The simulator is the vendor.
_LOADING, _VENDOR = "<module>", "simulator"


@dataclass(slots=True)
class Trip:
    """`entered` are the functions that ran, each once however often it did."""

    entered: set[CodeType] = field(default_factory=set)

    @property
    def files(self) -> list[str]:
        """Paths below `sidecar/`, in order of the alphabet."""
        return sorted({path.as_posix() for path in map(_below, self.entered) if path.parts[0] != _VENDOR})

    @property
    def functions(self) -> int:
        return sum(_below(code).parts[0] != _VENDOR for code in self.entered)


class Tracer:
    """Notes functions between `begin` and `end`. Threads are seen that began after `tracing` did."""

    def __init__(self) -> None:
        self._trip: Trip | None = None

    def begin(self) -> Trip:
        self._trip = Trip()
        return self._trip

    def end(self) -> None:
        self._trip = None

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        """As `sys.setprofile` calls it."""
        trip, code = self._trip, frame.f_code
        if trip is None or event != "call" or code.co_name == _LOADING:
            return
        if code.co_filename.startswith(str(SIDECAR)):
            trip.entered.add(code)


@contextmanager
def tracing() -> Iterator[Tracer]:
    """A tracer of this thread and of all that begin inside the block."""
    tracer, before = Tracer(), sys.getprofile()
    threading.setprofile(tracer.note)
    sys.setprofile(tracer.note)
    try:
        yield tracer
    finally:
        sys.setprofile(before)
        threading.setprofile(before)


def _below(code: CodeType) -> Path:
    return Path(code.co_filename).relative_to(SIDECAR)
