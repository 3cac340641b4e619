from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.providers.kernel.sse import STRAY, SseEvent, SseParser


def parse(*chunks: bytes) -> list[SseEvent]:
    parser = SseParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.finish()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [SseEvent("a")]),
        (b"data:a\n\n", [SseEvent("a")]),
        (b"data:  a\n\n", [SseEvent(" a")]),
        (b"data: a\ndata: b\n\n", [SseEvent("a\nb")]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [SseEvent("a"), SseEvent("b")]),
        (b"data: a\r\rdata: b\r\r", [SseEvent("a"), SseEvent("b")]),
        (b": keep-alive\n\ndata: a\n\n", [SseEvent("a")]),
        (b": PROCESSING\n\n\n\n\n", []),
        (b"event: error\ndata: a\n\ndata: b\n\n", [SseEvent("a", "error"), SseEvent("b")]),
        (b"event: lonely\n\ndata: a\n\n", [SseEvent("a")]),
        (b"id: 7\nretry: 10\ndata: a\n\n", [SseEvent("a")]),
        (b"data\n\n", [SseEvent("")]),
        (b"data: last", [SseEvent("last")]),
        (b"data: last\n", [SseEvent("last")]),
        (b"\xef\xbb\xbfdata: a\n\n", [SseEvent("a")]),
        (b"\r\n\r\ndata: a\n\n", [SseEvent("a")]),
        ("data: \u2028ü🙂\n\n".encode(), [SseEvent("\u2028ü🙂")]),
        (b"data: \xff\n\n", [SseEvent("\ufffd")]),
        (b' \n{"error": {"message": "no"}}\n', [SseEvent(' \n{"error": {"message": "no"}}\n')]),
        (b"[1]", [SseEvent("[1]")]),
        (b"", []),
        (b"  \n ", []),
        (b"<html>no</html>", [SseEvent("<html>no</html>", STRAY)]),
    ],
)
def test_every_form_of_the_format_is_read(stream: bytes, events: list[SseEvent]) -> None:
    assert parse(stream) == events


def test_a_line_end_that_is_cut_in_two_is_one_line_end() -> None:
    stream = "event: x\r\ndata: ü\r\ndata: b\r\n\r\n: c\r\ndata: d\r\n\r\n".encode()
    events = [SseEvent("ü\nb", "x"), SseEvent("d")]
    assert parse(*(stream[at : at + 1] for at in range(len(stream)))) == events
    for at in range(len(stream)):
        assert parse(stream[:at], stream[at:]) == events


_BITS = st.sampled_from(
    [
        b"data: ",
        b"data:",
        b"event: x",
        b": c",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        "é🙂".encode(),
        b"\xef\xbb\xbf",
        b"{",
        b" ",
        b"word",
    ]
)


@given(st.lists(_BITS, max_size=30).map(b"".join), st.lists(st.integers(0, 120), max_size=12))
def test_where_the_bytes_are_cut_changes_nothing(stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    chunks = [stream[a:b] for a, b in itertools.pairwise(places)]
    whole, cut = parse(stream), parse(*chunks)
    # A document keeps the blank lines before it when it comes in one piece; they mean nothing.
    assert [(e.data.lstrip(), e.name) for e in cut] == [(e.data.lstrip(), e.name) for e in whole]


def test_a_long_event_in_single_bytes_takes_time_in_proportion() -> None:
    parser = SseParser()
    began = time.process_time()
    parser.feed(b"data: ")
    for _ in range(400_000):
        parser.feed(b"x")
    # Joining what is kept at each byte would copy eighty thousand million bytes here.
    assert len(parser.feed(b"\n\n")[0].data) == 400_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "stream", [b"data: " + b"x" * 200, b"data: xxxxxxxxxx\n" * 20, b'{"a": "' + b"x" * 200]
)
def test_an_event_without_end_is_refused(stream: bytes) -> None:
    parser = SseParser(max_event_bytes=100)
    with pytest.raises(Failure) as raised:
        parser.feed(stream)
    assert raised.value.kind == "provider_unavailable"


def test_many_small_events_are_not_one_large_one() -> None:
    parser = SseParser(max_event_bytes=100)
    assert len(parser.feed(b"data: xxxxxxxx\n\n" * 1000)) == 1000
