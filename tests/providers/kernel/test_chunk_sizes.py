from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.kernel.chunk_sizes import ChunkSizes


def fed(body: bytes, cuts: list[int]) -> bytes:
    sizes = ChunkSizes()
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return b"".join(sizes.feed(body[start:end]) for start, end in pairwise(places))


@pytest.mark.parametrize(
    ("size", "line_end"), [("{:x}", b"\n"), ("0X{:X}", b"\r\n"), (" {:04x} ", b"\n"), ("{:x}", b"\r\n")]
)
@given(
    pieces=st.lists(
        st.binary(min_size=1, max_size=40) | st.sampled_from([b"0\r\n\r\n", b"\n", b"5\n"]), max_size=5
    ),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_chunks_are_the_same_however_their_sizes_are_written_and_cut(
    size: str, line_end: bytes, pieces: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(size.format(len(each)).encode() + line_end + each + line_end for each in pieces)
    body += size.format(0).encode() + line_end + line_end
    expected = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"
    assert fed(body, cuts) == expected


def test_what_is_no_size_is_handed_on_as_it_is() -> None:
    assert fed(b"3\nabc\nnonsense\nmore", [4]) == b"3\r\nabc\r\nnonsense\nmore"
