"""A pipe in a test."""

from __future__ import annotations

import os


class Pipe:
    """Two descriptors, each of which is closed once: a number that is free is used again at once."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}

    def close(self, *ends: int) -> None:
        for end in self._open.intersection(ends or self._open):
            self._open.remove(end)
            os.close(end)

    def pour(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.write_end, view[:65536]) :]
        self.close(self.write_end)
