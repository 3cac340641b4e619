"""The days that vendors count in: UTC, and for Google those of the US Pacific coast (pure)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone


def day_of(at_ms: int, *, pacific: bool) -> date:
    """Return the vendor's day of a moment in ms since 1970: UTC, or that of the US Pacific coast."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.astimezone(timezone(_pacific_offset(moment))).date() if pacific else moment.date()


def first_ms(day: date, *, pacific: bool) -> int:
    """Return the moment, in ms since 1970, at which the vendor's day begins."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    begins = midnight - _pacific_offset(midnight + timedelta(hours=8)) if pacific else midnight
    return int(begins.timestamp() * 1000)


def pacific_moment(clock: datetime) -> datetime:
    """Return the moment at which clocks of the US Pacific coast show this; of an hour that comes twice the first."""
    summer = clock.replace(tzinfo=timezone(timedelta(hours=-7)))
    offset = _pacific_offset(summer.astimezone(UTC))
    return clock.replace(tzinfo=timezone(offset))


def _pacific_offset(moment: datetime) -> timedelta:
    """Summer there lasts from the second Sunday of March to the first of November, from 2 o'clock to 2 o'clock."""
    summer = _sunday(moment.year, 3, 2).replace(hour=10)
    winter = _sunday(moment.year, 11, 1).replace(hour=9)
    return timedelta(hours=-7 if summer <= moment < winter else -8)


def _sunday(year: int, month: int, number: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))
