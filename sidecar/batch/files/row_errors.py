"""What comes of a place in a file: a row, or why there is none; and what is told of those that were left out (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.batch.files.json_text import encode
from sidecar.batch.files.seen import Seen


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was left out, or with number 0 what is to be said of the file as a whole."""

    message: str
    data: Mapping[str, Any] | None = None


# By its number: from 1 as a spreadsheet counts below the header, empty rows too; 0 is the file as a whole.
Read = tuple[int, dict[str, Any] | RowError | Seen]


MAX_ERRORS = 1_000
# An error shows the row as it was read, unless that is an essay, or enough is shown already.
_MAX_SHOWN_BYTES = 64 * 1024
_MAX_ALL_SHOWN_BYTES = 8 * 1024 * 1024


class RowErrors:
    """Collects errors, so many that a person can read them."""

    def __init__(self) -> None:
        self._told: list[bytes] = []
        self._left_out = 0
        self._shown_bytes = 0

    def add(self, number: int, error: RowError) -> None:
        """Take an error of the row of this number, or with 0 a remark on the file."""
        if len(self._told) >= MAX_ERRORS:
            self._left_out += 1
            return
        told: dict[str, Any] = {"row": number, "message": error.message}
        data = None if error.data is None else encoded(error.data)
        if isinstance(data, bytes) and len(data) <= _MAX_SHOWN_BYTES:
            self._shown_bytes += len(data)
            if self._shown_bytes <= _MAX_ALL_SHOWN_BYTES:
                told["data"] = orjson.Fragment(data)
        self._told.append(orjson.dumps(told))

    def as_json(self) -> bytes:
        """Return a list of BatchImportError."""
        more = f"{self._left_out} more rows cannot be read; they are not listed."
        told = [orjson.dumps({"row": 0, "message": more})] if self._left_out else []
        return b"[" + b",".join((*self._told, *told)) + b"]"


def encoded(row: Mapping[str, Any]) -> bytes | RowError:
    """Return a row as JSON, or why it cannot be."""
    try:
        return encode(row)
    except RecursionError:
        return RowError("This row is nested too deep to be read. Give its data with fewer levels.")
