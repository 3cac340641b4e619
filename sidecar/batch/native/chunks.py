"""Rows -> the parts that a vendor takes: so many rows, so many bytes, one model (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.providers.base import BatchLimits

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
