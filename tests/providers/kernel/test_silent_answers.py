"""How long the silence within an answer is waited for, and by how many timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aiohttp import SocketTimeoutError

from sidecar.providers.kernel.lenient import LenientHandler

PATIENCE = 60.0
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
PIECE = b"4\r\nword\r\n"


class Timer:
    """What a loop would call at a time."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """The part of a loop that a connection's timers need; time passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        self.made = 0

    def get_debug(self) -> bool:
        return False

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self.made += 1
        self.timers.append(Timer(self.now + seconds, call))
        return self.timers[-1]

    def passes(self, seconds: float) -> None:
        """Let so much time pass, and call what is due meanwhile, each at its time."""
        end = self.now + seconds
        while due := [each for each in self.timers if not each.cancelled and each.at <= end]:
            first = min(due, key=lambda each: each.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            first.call()
        self.now = end


def answering(clock: Clock) -> LenientHandler:
    """A connection on which an answer is awaited."""
    handler = LenientHandler(cast("asyncio.AbstractEventLoop", clock))
    expect(handler, PATIENCE)
    return handler


def expect(handler: LenientHandler, patience: float) -> None:
    params: dict[str, Any] = {"read_until_eof": True, "read_timeout": patience}
    handler.set_response_params(**params)
    handler.start_timeout()


def test_an_answer_that_goes_on_is_waited_for_by_few_timers_however_many_pieces_it_has() -> None:
    clock = Clock()
    handler = answering(clock)
    handler.data_received(HEAD)
    for _ in range(1_000):
        clock.passes(1.0)
        handler.data_received(PIECE)
    assert handler.exception() is None
    # 1,000 seconds have 16 times the patience.
    assert clock.made <= 20


def test_an_answer_that_falls_silent_is_given_up_when_its_patience_is_over_and_not_before() -> None:
    clock = Clock()
    handler = answering(clock)
    clock.passes(PATIENCE - 1)
    handler.data_received(HEAD + PIECE)
    clock.passes(PATIENCE - 1)
    handler.data_received(PIECE)
    clock.passes(PATIENCE - 0.1)
    assert handler.exception() is None
    clock.passes(0.2)
    assert isinstance(handler.exception(), SocketTimeoutError)


def test_a_look_on_a_connection_that_had_more_patience_is_given_up_by_its_own() -> None:
    clock = Clock()
    handler = answering(clock)
    clock.passes(1.0)
    expect(handler, 5.0)
    clock.passes(5.1)
    assert isinstance(handler.exception(), SocketTimeoutError)


def test_an_answer_that_came_whole_is_waited_for_no_more() -> None:
    clock = Clock()
    handler = answering(clock)
    handler.data_received(HEAD + PIECE + b"0\r\n\r\n")
    clock.passes(10 * PATIENCE)
    assert handler.exception() is None
