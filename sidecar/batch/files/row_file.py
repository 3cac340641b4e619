"""The rows of a file of any size, read a chunk at a time in a thread, and again for each time they are gone through."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from sidecar.batch.files.import_rows import read_rows
from sidecar.batch.files.numbers import as_sent
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.row_errors import RowError, RowErrors, encoded
from sidecar.batch.files.seen import Seen
from sidecar.batch.row import Row
from sidecar.batch.row_input import ROWS_A_WRITE, Numbered
from sidecar.batch.validation import MOST_ISSUES
from sidecar.errors import Failure
from sidecar.store.atomic_files import file_failure, source_file
from sidecar.store.stoppable import Pulse, in_thread

_State = tuple[int, int, int]


class FileRows:
    """Rows read from a file as an import reads them; those that cannot be read are left out and told in `errors`."""

    ids_are_unique = True

    def __init__(self, path: str, options: ImportOptions) -> None:
        """Raise Failure("not_found") and Failure("invalid_params") for a path at which there is no file."""
        self._path = source_file(path)
        self._options = options
        self._state: _State | None = None
        self._errors: RowErrors | None = None

    @property
    def name(self) -> str:
        """The file's name, without its folder."""
        return self._path.name

    def errors(self) -> list[dict[str, Any]]:
        """Return each a BatchImportError, once the rows have been gone through."""
        told: list[dict[str, Any]] = [] if self._errors is None else orjson.loads(self._errors.as_json())
        return told

    async def chunks(self) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield the rows that can be read, with their numbers in the file.

        Raise Failure: "invalid_params" where there is none or the file is no text, "storage_error", and "conflict"
        where it is another one than when its rows were gone through before.
        """
        reader = _Reader(self._path, self._options, self._state)
        try:
            while chunk := await in_thread(reader.next_rows):
                yield chunk
        finally:
            reader.close()
        self._state, self._errors = reader.state, reader.errors


class _Reader:
    """One way through the file. What it is given to do, it does in threads, one at a time."""

    def __init__(self, path: Path, options: ImportOptions, state: _State | None) -> None:
        self._path = path
        self._options = options
        self._rows = self._read()
        self._pulse: Pulse = lambda: None
        self._refusals: list[dict[str, str]] = []
        self.state = state
        self.errors = RowErrors()

    def next_rows(self, pulse: Pulse) -> list[Numbered]:
        """Return the next rows, none at the end."""
        self._pulse = pulse
        return list(islice(self._rows, ROWS_A_WRITE))

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def _read(self) -> Generator[Numbered, None, None]:
        found = 0
        try:
            with self._path.open("rb") as file:
                self._compare(file.fileno())
                name = self._path.suffix.lower().removeprefix(".")
                with closing(read_rows(file, name, lambda: self._pulse(), self._options)) as read:
                    for number, outcome in read:
                        if isinstance(outcome, Seen):
                            continue
                        row = outcome if isinstance(outcome, RowError) else _checked(outcome)
                        if isinstance(row, RowError):
                            self._tell(number, row)
                            continue
                        found += 1
                        yield number, row
                self._compare(file.fileno())
        except OSError as error:
            raise file_failure(error, self._path) from error
        if not found:
            raise self._nothing()

    def _compare(self, descriptor: int) -> None:
        """Raise Failure("conflict") where the file is no longer what it was."""
        now = os.fstat(descriptor)
        state = now.st_ino, now.st_size, now.st_mtime_ns
        if self.state not in (None, state):
            raise Failure(
                "conflict",
                f"{self._path.name} was changed while it was being read. Nothing was stored or sent; submit it again.",
            )
        self.state = state

    def _tell(self, number: int, error: RowError) -> None:
        self.errors.add(number, error)
        if len(self._refusals) < MOST_ISSUES:
            path = f"rows.{number - 1}" if number else "path"
            self._refusals.append({"path": path, "message": error.message})

    def _nothing(self) -> Failure:
        first = self._refusals[0]["message"] if self._refusals else "The file is empty. Choose another one."
        return Failure(
            "invalid_params",
            f"{self._path.name} gave no row that can be asked. {first} Import it to see how it may be read, "
            "and choose its columns and a model.",
            issues=self._refusals or [{"path": "path", "message": first}],
        )


def _checked(row: dict[str, Any]) -> Row | RowError:
    """The row with data that keeps its digits wherever it is shown."""
    unfit = encoded(row)
    if isinstance(unfit, RowError):
        return unfit
    if data := row.get("data"):
        row["data"] = {name: as_sent(value) for name, value in data.items()}
    return Row(row)
