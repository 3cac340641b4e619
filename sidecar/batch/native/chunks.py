"""The rows of a job that travel in one batch: how many fit, what they are called, and their lines on their way."""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import overload

from sidecar.providers.batches import BatchLimits

# Ids of one part sort as its rows do.
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """What a part holds so far. `bytes` counts a line end with each line."""

    rows: int = 0
    bytes: int = 0
    model: str | None = None

    def plus(self, model: str, line_bytes: int) -> ChunkSize:
        return ChunkSize(self.rows + 1, self.bytes + line_bytes + 1, self.model or model)


def fits(size: ChunkSize, model: str, line_bytes: int, limits: BatchLimits) -> bool:
    """Whether a line for that model still goes into the part."""
    grown = size.plus(model, line_bytes)
    return (
        grown.rows <= limits.rows
        and grown.bytes <= limits.bytes
        and not (limits.one_model and grown.model != model)
    )


def fits_nowhere(line_bytes: int, limits: BatchLimits) -> bool:
    """Whether a line is too long even for a part of its own."""
    return line_bytes + 1 > limits.bytes or (limits.row_bytes is not None and line_bytes > limits.row_bytes)


def tag(part_id: str) -> str:
    """The name by which a part is found again among everything at the vendor."""
    return f"abai-{part_id}"


def custom_id(tag: str, row_index: int) -> str:
    """A row's id within its part: the tag, which no other part has, and its number. Fits `^[a-zA-Z0-9_-]{1,64}$`."""
    return f"{tag}-{row_index:0{_DIGITS}d}"


def own_id(tag: str, told: str) -> str:
    """Return the row's id out of what a gateway has made of it: in capitals, or with something before or behind it."""
    found = re.search(rf"{re.escape(tag)}-\d{{{_DIGITS},}}", told, re.IGNORECASE)
    return found[0].lower() if found and tag.islower() else told


_IN_MEMORY_BYTES = 1024 * 1024


class SpooledLines(Sequence[bytes]):
    """Grows line by line and is read as a sequence. Small ones never touch the disk. Close it after use."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._ends = array("Q")

    def append(self, line: bytes) -> None:
        self._file.seek(self._end(len(self._ends) - 1))
        self._file.write(line)
        self._ends.append(self._file.tell())

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...

    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self._line(each) for each in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        return self._line(number)

    def __iter__(self) -> Iterator[bytes]:
        return (self._line(number) for number in range(len(self)))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> SpooledLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, number: int) -> bytes:
        begin = self._end(number - 1)
        self._file.seek(begin)
        return self._file.read(self._ends[number] - begin)

    def _end(self, number: int) -> int:
        return self._ends[number] if number >= 0 else 0
