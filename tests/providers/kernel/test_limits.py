from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping

import pytest

from sidecar.providers.kernel.limits import AimdLimit, KeyLimiter, KeyLimiters, Limits, TokenBucket
from sidecar.providers.kernel.reset_hints import wait_ms

# 2026-11-23T00:00:00Z
NOW = 1_795_392_000_000


def test_congestion_halves_and_good_windows_add_one() -> None:
    course = AimdLimit(16)
    course.congested(course.sent())
    assert course.limit == 8
    for _ in range(8):
        course.went_well()
    assert course.limit == 9
    for _ in range(1_000):
        course.went_well()
    assert course.limit == 16


def test_many_refusals_of_one_round_trip_halve_once() -> None:
    course = AimdLimit(16)
    first = [course.sent() for _ in range(16)]
    for number in first:
        course.congested(number)
    assert course.limit == 8
    course.congested(course.sent())
    assert course.limit == 4


def test_one_request_may_always_be_in_flight() -> None:
    course = AimdLimit(4)
    for _ in range(10):
        course.congested(course.sent())
    assert course.limit == 1
    course.went_well()
    assert course.limit == 2


def test_a_higher_ceiling_is_used_at_once_and_a_lower_one_takes_nothing_away() -> None:
    course = AimdLimit(4)
    course.raise_ceiling(10)
    assert course.limit == 10
    course.raise_ceiling(2)
    assert (course.limit, course.ceiling) == (10, 10)


def test_the_number_in_flight_falls_when_the_vendor_is_congested_and_rises_again() -> None:
    """A vendor that serves 6 at once and takes 100 ms: the course is recorded with a clock that only counts."""
    limits, now, running, course = Limits(32), 0, list[tuple[int, int, bool]](), list[int]()
    while now < 60_000:
        while limits.has_room and limits.wait_ms("m", 10, now) == 0:
            refused = sum(not each[2] for each in running) >= 6
            running.append((now + (5 if refused else 100), limits.send("m", 10, now), refused))
        running.sort()
        now, number, refused = running.pop(0)
        limits.in_flight -= 1
        limits.observe("m", number, 429 if refused else 200, {}, None, now)
        course.append(limits.course.limit)
    settled = course[200:]
    assert max(course[:5]) >= 16
    assert 3 <= min(settled) <= 6
    assert 6 <= max(settled) <= 8
    # Up and down many times, never stuck at either end.
    assert sum(b < a for a, b in itertools.pairwise(settled)) > 20
    assert sum(b > a for a, b in itertools.pairwise(settled)) > 20


@pytest.mark.parametrize(
    ("status", "headers", "hint_ms", "wait_ms"),
    [
        (429, {}, 2_500, 2_500),
        (429, {"retry-after": "7"}, None, 7_000),
        (429, {"retry-after-ms": "120"}, None, 120),
        (529, {"retry-after": "Mon, 23 Nov 2026 00:00:09 GMT"}, None, 9_000),
        (503, {"retry-after": "1"}, None, 1_000),
        (500, {"retry-after": "1"}, None, 0),
        (429, {"retry-after": "3600"}, None, 3_600_000),
        # Whoever asks is told of it: nobody waits for days.
        (429, {"retry-after": "999999"}, None, 0),
        (200, {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, None, 90_000),
        (200, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "250ms"}, None, 250),
        (
            200,
            {
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-23T00:00:04Z",
            },
            None,
            4_000,
        ),
        (200, {"x-ratelimit-remaining-requests": "nonsense"}, None, 0),
        (200, {}, None, 0),
    ],
)
def test_the_vendors_waits_are_kept(
    status: int, headers: Mapping[str, str], hint_ms: int | None, wait_ms: int
) -> None:
    limits = Limits(8)
    limits.observe("m", limits.send("m", 1, NOW), status, headers, hint_ms, NOW)
    assert limits.wait_ms("m", 1, NOW) == wait_ms
    assert limits.wait_ms("m", 1, NOW + wait_ms) == 0


def test_requests_a_minute_are_kept_to_once_they_are_known() -> None:
    limits, now, sent = Limits(1_000), NOW, 0
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "10"}
    limits.observe("m", limits.send("m", 1, now), 200, headers, None, now)
    while now < NOW + 60_000:
        wait = limits.wait_ms("m", 1, now)
        if wait == 0:
            limits.send("m", 1, now)
            sent += 1
        now += max(wait, 1)
    # What was left, and what a minute adds.
    assert 68 <= sent <= 70


def test_tokens_a_minute_are_kept_to_and_a_prompt_above_them_waits_for_a_full_minute_only() -> None:
    allowance = TokenBucket(6_000, 1_000, NOW)
    assert allowance.wait_ms(1_000, NOW) == 0
    assert allowance.wait_ms(2_000, NOW) == 10_001
    assert allowance.wait_ms(50_000, NOW) == 50_001
    allowance.use(50_000, NOW)
    assert allowance.wait_ms(1, NOW) == 490_011


def test_limits_of_one_model_are_not_those_of_another() -> None:
    limits = Limits(8)
    headers = {"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "1"}
    limits.observe("small", limits.send("small", 1, NOW), 200, headers, None, NOW)
    assert limits.wait_ms("small", 500, NOW) > 0
    assert limits.wait_ms("large", 500, NOW) == 0


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("6m0s", 360_000),
        ("120ms", 120),
        ("1h2m3.5s", 3_723_500),
        ("20", 20_000),
        ("1.5s", 1_500),
        ("2026-11-23T00:00:10Z", 10_000),
        ("2026-11-22T00:00:10Z", 0),
        ("", None),
        ("soon", None),
    ],
)
def test_resets_are_read_in_every_spelling(text: str, milliseconds: int | None) -> None:
    assert wait_ms(text, NOW) == milliseconds


async def test_who_waits_is_let_through_in_order_as_places_become_free() -> None:
    gate, through = KeyLimiter(Limits(1), lambda: NOW), list[str]()

    async def pass_through(name: str) -> None:
        await gate.enter("m", 1)
        through.append(name)

    async with asyncio.timeout(60):
        await pass_through("first")
        waiting = [asyncio.create_task(pass_through(name)) for name in ("second", "third", "fourth")]
        for number in range(1, 4):
            gate.leave()
            await waiting[number - 1]
    assert through == ["first", "second", "third", "fourth"]


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    gate = KeyLimiter(Limits(1), lambda: NOW)
    async with asyncio.timeout(60):
        await gate.enter("m", 1)
        given_up, next_one = (asyncio.create_task(gate.enter("m", 1)) for _ in range(2))
        await asyncio.sleep(0)
        given_up.cancel()
        gate.leave()
        await next_one
    assert gate.limits.in_flight == 1


async def test_a_wait_for_reasons_of_time_ends_by_itself() -> None:
    now = [NOW]

    def clock() -> int:
        now[0] += 5
        return now[0]

    gate = KeyLimiter(Limits(2), clock)
    async with asyncio.timeout(60):
        number = await gate.enter("m", 1)
        gate.observe("m", number, 429, {"retry-after-ms": "20"}, None)
        gate.leave()
        await gate.enter("m", 1)
    assert now[0] >= NOW + 25


def test_each_key_has_a_gate_of_its_own() -> None:
    gates = KeyLimiters(lambda: NOW)
    one = gates.of("openai", "a", 4)
    assert gates.of("openai", "a", 8) is one
    assert one.limits.course.ceiling == 8
    assert gates.of("openai", "b", 4) is not one
    assert gates.of("grok", "a", 4) is not one


def test_a_clock_that_is_put_back_makes_nobody_wait_until_it_has_caught_up() -> None:
    limits = Limits(4)
    limits.observe("m", limits.send("m", 10, NOW), 429, {}, 5_000, NOW)
    earlier = NOW - 3_600_000
    assert limits.wait_ms("m", 10, earlier) == 5_000
    assert limits.wait_ms("m", 10, earlier + 5_000) == 0
    bucket = TokenBucket(60, 0, NOW)
    assert bucket.wait_ms(1, earlier) > 0
    assert bucket.wait_ms(1, earlier + 2_000) == 0
