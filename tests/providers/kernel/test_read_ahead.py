"""What has looked at the beginning of an answer reads on, and finds what a parser of its own would."""

from __future__ import annotations

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.read_ahead import ReadAhead
from sidecar.providers.kernel.sse import SseEvent, SseParser

CHUNKS = (b'data: {"a"', b": 1}\n\ndata: two\n\n", b"data: th", b"ree")


@pytest.mark.parametrize("looked", range(len(CHUNKS) + 1))
def test_an_answer_that_was_looked_at_is_read_as_one_that_was_not(looked: int) -> None:
    plain, ahead = SseParser(), ReadAhead(SseParser())
    seen = [ahead.look(chunk) for chunk in CHUNKS[:looked]]
    if looked == len(CHUNKS):
        seen.append(ahead.look_at_end())
    read = [*map(ahead.feed, CHUNKS), ahead.finish()]
    assert read == [*map(plain.feed, CHUNKS), plain.finish()]
    assert read[: len(seen)] == seen
    assert [event for events in read for event in events] == [
        SseEvent('{"a": 1}'),
        SseEvent("two"),
        SseEvent("three"),
    ]


def test_a_piece_that_is_too_large_is_told_to_who_looks_and_to_who_reads() -> None:
    ahead = ReadAhead(SseParser(max_event_bytes=10))
    with pytest.raises(Failure, match="too large"):
        ahead.look(b"data: " + b"x" * 20)
    with pytest.raises(Failure, match="too large"):
        ahead.feed(b"data: " + b"x" * 20)


def test_a_beginning_is_parsed_once() -> None:
    parser = Counting()
    ahead = ReadAhead(parser)
    for chunk in CHUNKS[:2]:
        ahead.look(chunk)
    for chunk in CHUNKS:
        ahead.feed(chunk)
    assert parser.fed == list(CHUNKS)


class Counting(SseParser):
    """A parser that keeps what it was fed."""

    def __init__(self) -> None:
        super().__init__()
        self.fed: list[bytes] = []

    def feed(self, chunk: bytes) -> list[SseEvent]:
        self.fed.append(chunk)
        return super().feed(chunk)
