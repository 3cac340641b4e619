"""What a person says of a file that does not say it itself (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.config import MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be read.

    `columns` names the column of a field of a row; `models` are asked by each row that names none, `template` is the
    prompt of every row; `header` is False where the first record is a row already.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    template: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    # What one message carries, in bytes; more is said to be so.
    message_bytes: int = MAX_MESSAGE_BYTES
    sheet: str | None = None


AS_IT_IS = ImportOptions()
