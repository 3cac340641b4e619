"""What comes of a place in a file: a row, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.batch.files.seen import Seen


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was left out, or with number 0 what is to be said of the file as a whole."""

    message: str
    data: Mapping[str, Any] | None = None


# By its number: from 1 as a spreadsheet counts below the header, empty rows too; 0 is the file as a whole.
Read = tuple[int, dict[str, Any] | RowError | Seen]
