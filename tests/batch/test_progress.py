from __future__ import annotations

import pytest

from sidecar.batch.progress import INTERVAL_MS, WINDOW_MS, RateEstimator, Speed, Throttle, percentage


def test_progress_is_told_at_most_ten_times_a_second() -> None:
    pulse, told = Throttle(), 0
    for now in range(1_000):
        if pulse.wait_ms(now) == 0:
            pulse.told(now)
            told += 1
    assert told == 10


def test_the_wait_is_what_is_left_of_the_interval() -> None:
    pulse = Throttle()
    assert pulse.wait_ms(5) == 0
    pulse.told(1_000)
    assert (pulse.wait_ms(1_000), pulse.wait_ms(1_040), pulse.wait_ms(1_100), pulse.wait_ms(9_000)) == (
        INTERVAL_MS,
        INTERVAL_MS - 40,
        0,
        0,
    )


def test_progress_goes_on_when_the_clock_is_put_back() -> None:
    pulse, meter = Throttle(), RateEstimator(0, 3_600_000)
    pulse.told(3_600_000)
    assert pulse.wait_ms(10) == INTERVAL_MS
    meter.note(5, 3_601_000)
    meter.note(6, 1_000)
    meter.note(16, 2_000)
    assert meter.speed(10, 2_000) == Speed(11.0, 10 / 11)


@pytest.mark.parametrize(
    ("notes", "remaining", "now", "speed"),
    [
        ([], 10, 1_000, Speed()),
        ([(1_000, 10)], 90, 1_000, Speed(10.0, 9.0)),
        ([(1_000, 10)], 90, 2_000, Speed(5.0, 18.0)),
        ([(500, 5), (1_000, 10), (2_000, 20)], 0, 2_000, Speed(10.0, 0.0)),
    ],
)
def test_rate_and_remaining_time(
    notes: list[tuple[int, int]], remaining: int, now: int, speed: Speed
) -> None:
    meter = RateEstimator(0, 0)
    for at, ended in notes:
        meter.note(ended, at)
    assert meter.speed(remaining, now) == speed


def test_the_rate_is_that_of_the_last_half_minute() -> None:
    meter = RateEstimator(0, 0)
    ended = 0
    for at in range(10, 60_000, 10):
        ended += 1
        meter.note(ended, at)
    for at in range(60_000, 60_000 + WINDOW_MS + 1_000, 100):
        ended += 1
        meter.note(ended, at)
    speed = meter.speed(100, 60_000 + WINDOW_MS + 900)
    assert speed.rows_per_second == pytest.approx(10, rel=0.05)
    assert speed.eta_seconds == pytest.approx(10, rel=0.05)


def test_a_job_that_goes_on_counts_only_what_it_does_now() -> None:
    meter = RateEstimator(5_000, 0)
    meter.note(5_010, 1_000)
    assert meter.speed(10, 1_000).rows_per_second == 10


@pytest.mark.parametrize(
    ("ended", "total", "shown"),
    [(0, 3, 0.0), (1, 3, 33.33), (3, 3, 100.0), (999_999, 1_000_000, 99.99), (0, 0, 100.0)],
)
def test_a_hundred_percent_is_told_only_at_the_end(ended: int, total: int, shown: float) -> None:
    assert percentage(ended, total) == shown
