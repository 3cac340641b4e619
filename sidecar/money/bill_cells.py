"""A day as the consoles of many countries write it (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone

from sidecar.money.vendor_days import day_of, pacific_moment

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?:,?[ T]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[/.](\d{{1,2}})[/.](\d{{1,2}}){_CLOCK}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([/.\-])(\d{{1,2}})\2(\d{{4}}|\d\d){_CLOCK}")
_MONTH_DAY = re.compile(rf"([A-Za-z]{{3,9}})\.? (\d{{1,2}}),? (\d{{4}}){_CLOCK}")
_DAY_MONTH = re.compile(rf"(\d{{1,2}})\.?[ \-]([A-Za-z]{{3,9}})\.?,?[ \-](\d{{4}}|\d\d){_CLOCK}")
_SECONDS = re.compile(r"(\d{10})(?:\.\d+)?|(\d{10})\d{3}")
_ZONE = re.compile(r"\s*\b(UTC|GMT|Z|PST|PDT|PT|Etc/UTC|America/Los_Angeles)$")


class Days:
    """Reads the cells of one column, whose numbers have one order: 11/26 is what tells that 11/5 is in November."""

    def __init__(self, cells: Iterable[str], *, pacific: bool) -> None:
        self._pacific = pacific
        found = [match for cell in cells if (match := _YEAR_LAST.match(cell.strip()))]
        # Nobody writes the month first between dots.
        self._day_first = any(match[2] == "." or int(match[1]) > 12 for match in found)
        self.ambiguous = (
            "" if self._day_first or any(int(match[3]) > 12 for match in found) or not found else found[0][0]
        )
        """A cell that is one day for an American and another one for most others, where nothing tells which."""

    def read(self, cell: str) -> date:
        """Return the vendor's day of a moment as it is written. Raises ValueError."""
        text = " ".join(cell.split())
        zone = _ZONE.search(text)
        bare = text[: zone.start()] if zone else text
        found = self._moment(bare)
        if isinstance(found, date) and not isinstance(found, datetime):
            return found
        if found.tzinfo is None and zone and zone[1] in ("PST", "PDT", "PT", "America/Los_Angeles"):
            found = pacific_moment(found) if zone[1] not in _FIXED else found.replace(tzinfo=_FIXED[zone[1]])
        at = found if found.tzinfo else found.replace(tzinfo=UTC)
        return day_of(int(at.timestamp() * 1000), pacific=self._pacific)

    def _moment(self, text: str) -> date | datetime:
        """Return a day where no time of it is written."""
        seconds = _SECONDS.fullmatch(text)
        if seconds:
            return datetime.fromtimestamp(int(seconds[1] or seconds[2]), UTC)
        if match := _YEAR_FIRST.fullmatch(text):
            return _at(match[1], int(match[2]), match[3], *match.groups()[3:])
        if match := _YEAR_LAST.fullmatch(text):
            one, other = match[1], match[3]
            day, month = (one, other) if self._day_first else (other, one)
            return _at(match[4], int(month), day, *match.groups()[4:])
        if match := _MONTH_DAY.fullmatch(text):
            return _at(match[3], _month(match[1]), match[2], *match.groups()[3:])
        if match := _DAY_MONTH.fullmatch(text):
            return _at(match[3], _month(match[2]), match[1], *match.groups()[3:])
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)


_FIXED = {"PST": timezone(timedelta(hours=-8)), "PDT": timezone(timedelta(hours=-7))}


def _month(word: str) -> int:
    return _MONTHS.index(word[:3].lower()) + 1


def _at(
    year: str,
    month: int,
    day: str,
    hour: str | None,
    minute: str | None,
    second: str | None,
    half: str | None,
) -> date | datetime:
    full = int(year) + (2000 if len(year) == 2 else 0)
    if hour is None or minute is None:
        return date(full, month, int(day))
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half[0] in "Pp" else 0)
    return datetime(full, month, int(day), hours, int(minute), int(second or 0))
