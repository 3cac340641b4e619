"""Google Takeout's activity of Gemini as a web page, in which it is handed out where nobody chose JSON (pure).

One cell for each question: <div class="outer-cell …"> with the product's name, and in it a <div class="content-cell …
mdl-typography--body-1"> with the question, its moment on a line of its own, and the answer. Moments are in the words
of the account's language. The records are those of `MyActivity.json`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sidecar.chat.transfer.html_text import as_text
from sidecar.chat.transfer.refusals import refused

UNREADABLE = (
    "This is Google's activity as a web page, out of which questions and answers cannot be told apart. Ask Google "
    'Takeout for "My Activity" once more, with Gemini Apps alone, and choose JSON as its format.'
)
_CELL = re.compile(r'<div class="outer-cell\b')
_CONTENT = re.compile(r'<div class="content-cell[^"]*\bmdl-typography--body-1\b[^"]*">')
_NEXT = re.compile(r'<div class="content-cell\b')
_LINE = re.compile(r"<br\s*/?>")
_TIME = re.compile(
    r"(?P<day>.{6,40}?),? (?:at |um |à |às )?(?P<hour>\d{1,2})[:.](?P<minute>\d\d)[:.](?P<second>\d\d)"
    r"(?: ?(?P<half>[AaPp])\.? ?[Mm]\.?)?(?: (?P<zone>[A-Z]{2,5}(?:[+-]\d{1,2}(?::?\d\d)?)?))?"
)
_DAYS = (
    re.compile(r"(?P<month>[^\W\d_]{3,10})\.? (?P<day>\d{1,2}), (?P<year>\d{4})"),
    re.compile(r"(?P<day>\d{1,2})\.? (?:de )?(?P<month>[^\W\d_]{3,10})\.? (?:de )?(?P<year>\d{4})"),
    re.compile(r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})[/.-](?P<number>\d{1,2})[/.-](?P<day>\d{1,2})"),
)
# By their first letters, in the languages whose months begin otherwise.
_MONTH_WORDS = """
    jan janv ene gen|feb fev fév|mar mär mrz maa|apr abr avr|may mai mag mei maj|jun juin giu|jul juil lug|
    aug ago aoû|sep set|oct okt ott out|nov|dec dez déc dic
"""
_MONTHS = {
    word: number for number, words in enumerate(_MONTH_WORDS.split("|"), start=1) for word in words.split()
}
_HOURS: Mapping[str, float] = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "BST": 1,
    "WEST": 1,
    "CET": 1,
    "MEZ": 1,
    "CEST": 2,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "IST": 5.5,
    "JST": 9,
    "KST": 9,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AEST": 10,
    "AEDT": 11,
    "BRT": -3,
}
_OFFSET = re.compile(r"(?:UTC|GMT)(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?")


def records_in(text: str) -> list[dict[str, Any]] | None:
    """Return what was asked of Gemini, None for another file. Raise Failure for a page that cannot be read."""
    if not text.lstrip("\ufeff \n").startswith("<") or "mdl-" not in text[:65_536] or "Gemini" not in text:
        return None
    cells = [cell for cell in _CELL.split(text)[1:] if "Gemini" in _without_content(cell)]
    found = [record for cell in cells if (record := _record(cell)) is not None]
    if not found or len(found) < len(cells):
        raise refused(UNREADABLE)
    return found


def _without_content(cell: str) -> str:
    """The names of products around what was asked."""
    begin = _CONTENT.search(cell)
    if begin is None:
        return cell
    behind = _NEXT.search(cell, begin.end())
    return cell[: begin.start()] + (cell[behind.start() :] if behind else "")


def _record(cell: str) -> dict[str, Any] | None:
    begin = _CONTENT.search(cell)
    if begin is None:
        return None
    end = _NEXT.search(cell, begin.end())
    lines = _LINE.split(cell[begin.end() : end.start() if end else len(cell)])
    for number, line in enumerate(lines):
        if len(line) < 200 and (at := _moment(as_text(line))) is not None:
            asked = as_text("<br>".join(lines[:number])).replace("\xa0", " ")
            answer = "<br>".join(lines[number + 1 :])
            told = {"header": "Gemini Apps", "title": asked, "time": at.isoformat().replace("+00:00", "Z")}
            return {**told, "safeHtmlItem": [{"html": answer}]}
    return None


def _moment(text: str) -> datetime | None:
    """The moment that a line is, None for any other line."""
    time = _TIME.fullmatch(re.sub(r"[\s\u00a0\u202f\u2009]+", " ", text).strip())
    if time is None:
        return None
    day = next(filter(None, (form.fullmatch(time["day"]) for form in _DAYS)), None)
    if day is None:
        return None
    told = day.groupdict()
    month = int(told["number"]) if told.get("number") else _month(told["month"])
    hour = int(time["hour"])
    if time["half"]:
        hour = hour % 12 + (12 if time["half"] in "pP" else 0)
    try:
        there = datetime(
            int(told["year"]),
            month,
            int(told["day"]),
            hour,
            int(time["minute"]),
            int(time["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return there - timedelta(hours=_ahead(time["zone"] or "UTC"))


def _month(name: str) -> int:
    plain = name.casefold()
    return next((_MONTHS[plain[:size]] for size in (4, 3) if plain[:size] in _MONTHS), 0)


def _ahead(zone: str) -> float:
    """How many hours a zone is ahead of UTC; one that is not known is taken for it."""
    if (offset := _OFFSET.fullmatch(zone)) is not None:
        hours = int(offset["hours"]) + int(offset["minutes"] or 0) / 60
        return -hours if offset["sign"] == "-" else hours
    return _HOURS.get(zone, 0)
