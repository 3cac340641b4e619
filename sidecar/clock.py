"""The time, as the whole project speaks of it: integer milliseconds since 1970 UTC."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

Now = Callable[[], int]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def starting_on(day: datetime.date) -> Now:
    """A clock that runs as the real one does, but began at noon (UTC) of that day."""
    noon = datetime.datetime.combine(day, datetime.time(12), datetime.UTC)
    ahead = int(noon.timestamp() * 1000) - now_ms()
    return lambda: now_ms() + ahead


def days_until(moment_ms: int, number: int) -> list[datetime.date]:
    """So many days up to the one of that moment, local time, oldest first."""
    last = datetime.datetime.fromtimestamp(moment_ms / 1000).date()
    return [last - datetime.timedelta(days=number - 1 - each) for each in range(number)]


def day_start_ms(day: datetime.date) -> int:
    """The first moment of that day, local time."""
    return int(datetime.datetime(day.year, day.month, day.day).timestamp() * 1000)


def month_start_ms(moment_ms: int) -> int:
    """The first moment of that calendar month, local time: a person's budget follows their own calendar."""
    local = datetime.datetime.fromtimestamp(moment_ms / 1000)
    first = datetime.datetime(local.year, local.month, 1)
    return int(first.timestamp() * 1000)
