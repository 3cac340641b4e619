"""The lines of a part on their way to a vendor: in a file without a name, because they may be hundreds of megabytes."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import overload

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
