from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sidecar.batch.native import chunks
from sidecar.batch.native.chunks import ChunkSize, SpooledLines
from sidecar.providers.batches import BatchLimits

LIMITS = BatchLimits(rows=3, bytes=100, row_bytes=60)


@pytest.mark.parametrize(
    ("size", "model", "line_bytes", "fits"),
    [
        (ChunkSize(), "a", 60, True),
        (ChunkSize(2, 10, "a"), "a", 10, True),
        (ChunkSize(3, 10, "a"), "a", 10, False),
        (ChunkSize(1, 50, "a"), "a", 49, True),
        (ChunkSize(1, 50, "a"), "a", 50, False),
        (ChunkSize(1, 10, "a"), "b", 10, False),
    ],
)
def test_a_part_is_full_by_rows_bytes_with_line_ends_or_another_model(
    size: ChunkSize, model: str, line_bytes: int, fits: bool
) -> None:
    assert chunks.fits(size, model, line_bytes, LIMITS) is fits


def test_models_may_be_mixed_where_the_vendor_lets_them() -> None:
    assert chunks.fits(ChunkSize(1, 10, "a"), "b", 10, replace(LIMITS, one_model=False))


def test_a_line_above_either_limit_fits_nowhere() -> None:
    assert not chunks.fits_nowhere(60, LIMITS)
    assert chunks.fits_nowhere(61, LIMITS)
    assert chunks.fits_nowhere(100, replace(LIMITS, row_bytes=None))
    assert not chunks.fits_nowhere(99, replace(LIMITS, row_bytes=None))


def test_custom_ids_are_what_every_vendor_takes_and_no_two_parts_share_one() -> None:
    tags = [
        chunks.tag("6f1c0a52-6f0e-4b0a-9a53-0d8d1c1f4e14"),
        chunks.tag("6f1c0a52-6f0e-4b0a-9a53-0d8d1c1f4e15"),
    ]
    ids = [chunks.custom_id(tag, row) for tag in tags for row in (0, 7, 49_999, 12_345_678)]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids)
    assert len(set(ids)) == len(ids)
    assert ids[:4] == sorted(ids[:4])
    assert ids == [chunks.custom_id(tag, row) for tag in tags for row in (0, 7, 49_999, 12_345_678)]


def test_lines_are_a_sequence_however_large() -> None:
    given = [b"", b"short", b"x" * 700_000, b"y" * 700_000, "Ümläut".encode()]
    with SpooledLines() as lines:
        for line in given:
            lines.append(line)
        assert list(lines) == given
        assert list(lines) == given
        assert (lines[1], lines[-1], lines[1:3], len(lines)) == (given[1], given[-1], given[1:3], 5)
        lines.append(b"after reading")
        assert lines[5] == b"after reading"
        with pytest.raises(IndexError):
            lines[6]
