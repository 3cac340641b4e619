"""A packed body comes out in bounded pieces, whatever was put in, and only when it was packed once."""

from __future__ import annotations

import gzip
import zlib

import pytest

from sidecar.providers.kernel.unpack import PIECE_BYTES, CannotUnpack, Unpacker

TEXT = b"the same again, " * 100_000


def unpacked(encoding: str, data: bytes, step: int = 1000) -> bytes:
    unpacker = Unpacker(encoding)
    pieces = [piece for at in range(0, len(data), step) for piece in unpacker.feed(data[at : at + step])]
    return b"".join([*pieces, unpacker.finish()])


def raw_deflate(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("X-GZIP", gzip.compress(TEXT)),
        ("identity, gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
    ],
    ids=["", "identity", "gzip", "x-gzip", "identity and gzip", "deflate", "deflate without its head"],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_one_layer_is_unpacked_however_it_is_cut(encoding: str, data: bytes, step: int) -> None:
    if not encoding:
        step = 1000
    assert unpacked(encoding, data, step) == TEXT


def test_a_body_without_a_byte_is_empty_however_it_is_packed() -> None:
    assert unpacked("gzip", b"") == b""


def test_no_piece_is_larger_than_the_bound() -> None:
    sizes = [len(piece) for piece in Unpacker("gzip").feed(gzip.compress(bytes(10 * PIECE_BYTES)))]
    assert len(sizes) >= 10
    assert max(sizes) <= PIECE_BYTES


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,deflate", "gzip, br"])
def test_more_than_one_layer_is_refused(encoding: str) -> None:
    with pytest.raises(CannotUnpack):
        Unpacker(encoding)


@pytest.mark.parametrize(
    ("encoding", "data"), [("br", b"\x0b\x02\x80hello\x03"), ("zstd", b"\x28\xb5\x2f\xfd\x04")]
)
def test_a_packing_that_was_not_asked_for_is_refused(encoding: str, data: bytes) -> None:
    with pytest.raises(CannotUnpack, match="not asked for"):
        unpacked(encoding, data)


@pytest.mark.parametrize("encoding", ["UTF-8", "none", "binary", "br", "gzip"])
def test_what_is_not_packed_at_all_is_read_whatever_the_header_says(encoding: str) -> None:
    assert unpacked(encoding, b'{"a": 1}') == b'{"a": 1}'


@pytest.mark.parametrize("encoding", ["", "identity", "deflate", "utf-8"])
def test_what_is_packed_is_unpacked_whatever_the_header_says(encoding: str) -> None:
    assert unpacked(encoding, gzip.compress(TEXT)) == TEXT


@pytest.mark.parametrize(
    "data",
    [b"no gzip at all", gzip.compress(TEXT)[:-10], gzip.compress(TEXT)[:100]],
    ids=["none", "no end", "cut"],
)
def test_what_is_broken_or_cut_is_refused(data: bytes) -> None:
    with pytest.raises(CannotUnpack):
        unpacked("gzip", data)
