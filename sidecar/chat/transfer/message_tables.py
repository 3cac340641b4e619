"""Conversations in a table: a row for each message, or for each question with its answer.

Copilot's privacy page: Conversation,Time,Author,Message, the newest first. AnythingLLM: id,username,workspace,prompt,
response,sent_at,rating. Others by what their columns are called.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from sidecar.chat.transfer import messages

# As for a batch's tables: the limit is one for the whole process.
_MOST_CELL = 16 * 1024 * 1024
_DELIMITERS = ",;\t"


def rows_in(text: str) -> list[dict[str, Any]] | None:
    """Return the rows by their columns in small letters, None for a text that is no table of messages."""
    first = text.partition("\n")[0][:2_000]
    csv.field_size_limit(_MOST_CELL)
    try:
        for delimiter in _DELIMITERS:
            header = next(csv.reader([first], delimiter=delimiter), [])
            names = [name.strip("\ufeff \t").casefold() for name in header]
            if len(names) > 1 and messages.pieces_of(dict.fromkeys(names, "user")):
                cells = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
                next(cells)
                return [dict(zip(names, row, strict=False)) for row in cells if any(row)]
    except csv.Error:
        return None
    return None
