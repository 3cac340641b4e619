from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.rpc.framing import KEPT_HEAD, BadFrame, Frame, FrameReader, Framing, Oversized, encode

LIMIT = 100


def read(stream: bytes, step: int = 0, limit: int = LIMIT) -> list[Frame]:
    """Everything a stream holds, fed in chunks of `step` bytes."""
    reader = FrameReader(limit)
    step = step or max(1, len(stream))
    frames = [
        frame for start in range(0, len(stream), step) for frame in reader.feed(stream[start : start + step])
    ]
    return frames + reader.finish()


def block(body: bytes, header: bytes = b"Content-Length") -> bytes:
    return b"%b: %d\r\n\r\n%b" % (header, len(body), body)


LINES = [
    (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
    (b'{"a":1}', [b'{"a":1}']),
    (b"[]\n", [b"[]"]),
    (b"\n\n \t\r\n{}\n\n", [b"{}"]),
    (b"\xef\xbb\xbf{}\n", [b"{}"]),
    (b"\xef\xbb\xbf", []),
    (b"\xef\xbb", [b"\xef\xbb"]),
    (b"garbage\n{}\n", [b"garbage", b"{}"]),
    (b"\xff\xfe\n{}\n", [b"\xff\xfe", b"{}"]),
    (b"", []),
    (b"\n", []),
    (b"x" * LIMIT + b"\r\n", [b"x" * LIMIT]),
    (b'{"Content-Length: 2":1}\n', [b'{"Content-Length: 2":1}']),
]

BLOCKS = [
    (block(b"{}") + block(b"[1]"), [b"{}", b"[1]"]),
    (block(b"{}", b"content-LENGTH"), [b"{}"]),
    (b"\xef\xbb\xbf" + block(b"{}"), [b"{}"]),
    (b"Content-Type: x; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}", [b"{}"]),
    (b"Content-Length: 2\r\nContent-Type: x\r\n\r\n{}", [b"{}"]),
    (b"Content-Length:2\n\n{}Content-Length:  3 \n\n[1]", [b"{}", b"[1]"]),
    (block(b"{}") + b"\r\n\r\n" + block(b"[1]"), [b"{}", b"[1]"]),
    (block(b"a\nb\r\n\r\nc"), [b"a\nb\r\n\r\nc"]),
    (block(b""), [b""]),
    (block(b"x" * LIMIT), [b"x" * LIMIT]),
]


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(("stream", "frames"), LINES + BLOCKS)
def test_frames_are_found_however_the_bytes_arrive(stream: bytes, frames: list[bytes], step: int) -> None:
    assert read(stream, step) == frames


@pytest.mark.parametrize("step", [0, 1, 3])
@pytest.mark.parametrize(
    ("stream", "after"),
    [
        (b"Content-Length: ten\r\n\r\n", [b"{}"]),
        (b"Content-Length: -5\r\n\r\n", [b"{}"]),
        (b"Content-Length: 99999999999999999999\r\n\r\n", [b"{}"]),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n", [b"{}"]),
        (b"Content-Type: x\r\n\r\n", [b"{}"]),
        (b"C garbage without a colon\r\n", [b"{}"]),
        (b"Content-Length: 1\r\n\r\n{}", [b"{", b"{}"]),
        (b"Content-Length: 2\r\n\r\n{}}\n}\n", [b"{}", b"{}"]),
        (b"C" * 20_000, [b"{}"]),
        (b"Content-Length: 2" * 2000, [b"{}"]),
    ],
)
def test_after_bad_headers_the_next_frame_is_served(stream: bytes, after: list[bytes], step: int) -> None:
    frames = read(stream + block(b"{}"), step)
    assert [frame for frame in frames if isinstance(frame, bytes)] == after
    assert any(isinstance(frame, BadFrame) for frame in frames)


def test_garbage_between_frames_is_reported_once() -> None:
    frames = read(block(b"{}") + b"one\r\ntwo\r\nthree\r\n" + block(b"{}"))
    assert [type(frame) for frame in frames] == [bytes, BadFrame, bytes]


@pytest.mark.parametrize("stream", [b"Content-Length: 5\r\n\r\n{}", b"Content-Length: 5\r\n", b"Content-Le"])
@pytest.mark.parametrize("step", [0, 1])
def test_a_stream_that_ends_within_a_frame_is_reported(stream: bytes, step: int) -> None:
    assert [type(frame) for frame in read(stream, step)] == [BadFrame]


@pytest.mark.parametrize("framing", ["newline", "headers"])
@pytest.mark.parametrize("step", [0, 1, 64])
def test_a_frame_beyond_the_limit_is_passed_over_and_reported_once(framing: Framing, step: int) -> None:
    large = b'{"id":1,' + b"x" * 6000 + b',"id":2}'
    frames = read(encode(b"{}", framing) + encode(large, framing) + encode(b"[]", framing), step)
    assert frames == [b"{}", Oversized(len(large), large[:KEPT_HEAD], large[-256:]), b"[]"]


@pytest.mark.parametrize("framing", ["newline", "headers"])
def test_a_frame_one_byte_beyond_the_limit_is_too_large(framing: Framing) -> None:
    (frame,) = read(encode(b"x" * (LIMIT + 1), framing).removeprefix(b"\n"))
    assert isinstance(frame, Oversized)


def test_an_endless_frame_is_reported_at_the_end_of_the_stream() -> None:
    assert [type(frame) for frame in read(b"x" * 1000, 7)] == [Oversized]
    assert [type(frame) for frame in read(b"Content-Length: 9999\r\n\r\n" + b"x" * 1000, 7)] == [Oversized]


@pytest.mark.parametrize("start", [b"", b"Content-Length: 300000000\r\n\r\n"])
def test_a_frame_that_is_passed_over_is_not_kept(start: bytes) -> None:
    import tracemalloc

    reader = FrameReader(1_000_000)
    chunk = b"x" * 250_000
    reader.feed(start or b"{")
    tracemalloc.start()
    try:
        for _ in range(200):
            reader.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("framing", ["newline", "headers"])
def test_a_large_frame_in_small_chunks_takes_linear_time(framing: Framing) -> None:
    def seconds(size: int) -> float:
        stream = encode(b"x" * size, framing)
        start = time.process_time()
        assert read(stream, 256, limit=size) == [b"x" * size]
        return time.process_time() - start

    small, large = min(seconds(500_000) for _ in range(3)), min(seconds(8_000_000) for _ in range(3))
    # Sixteen times the bytes; a reader that looks at them again and again would take 256 times as long.
    assert large < 80 * small


def test_a_line_break_in_a_body_does_not_end_its_frame() -> None:
    assert read(encode(b'{\n"a": 1\n}', "newline")) == [b'{ "a": 1 }']
    assert read(encode(b'{\n"a": 1\n}', "headers")) == [b'{\n"a": 1\n}']


@given(
    bodies=st.lists(
        st.binary(min_size=1, max_size=40).map(lambda body: b"{" + body.hex().encode()), max_size=8
    ),
    step=st.integers(1, 60),
    framing=st.sampled_from(["newline", "headers"]),
)
def test_what_is_framed_is_read_back(bodies: list[bytes], step: int, framing: Framing) -> None:
    assert read(b"".join(encode(body, framing) for body in bodies), step) == bodies


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_whatever_make_reading_fail_or_depend_on_the_chunks(stream: bytes, step: int) -> None:
    assert read(stream, step) == read(stream)
    assert read(b"C" + stream, step) == read(b"C" + stream)
