"""A table whose cells stand in the quotes of a text: “so”, „so“, «so» or 'so', as editors write it (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sidecar.batch.files.csv_text import DELIMITERS

_PAIRS = (("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("‘", "’"), ("'", "'"), ("`", "`"))


def plain_quotes(sample: str) -> Callable[[str], str] | None:
    """Return what makes a line's quotes plain ones; None where the first line's cells do not all stand in other quotes.

    Inside a cell these quotes are letters: they count at its ends alone.
    """
    header = sample.lstrip("\ufeff\r\n").partition("\n")[0].strip()
    for begin, end in _PAIRS:
        cell = f"{re.escape(begin)}[^{re.escape(begin + end)}]*{re.escape(end)}"
        for delimiter in DELIMITERS:
            between = rf"\s*{re.escape(delimiter)}\s*"
            if re.fullmatch(f"{cell}(?:{between}{cell})+", header):
                return _made_plain(begin, end, delimiter)
    return None


def _made_plain(begin: str, end: str, delimiter: str) -> Callable[[str], str]:
    first = re.compile(rf"^\s*{re.escape(begin)}")
    last = re.compile(rf"{re.escape(end)}(\s*)$")
    middle = re.compile(rf"{re.escape(end)}\s*{re.escape(delimiter)}\s*{re.escape(begin)}")
    closed = re.compile(rf"{re.escape(end + delimiter)}(?=\S)")
    opened = re.compile(rf"(?<=\S){re.escape(delimiter + begin)}")

    def made(line: str) -> str:
        line = middle.sub(f'"{delimiter}"', line.replace('"', '""'))
        # Beside a cell without quotes. In a text there is a blank between a comma and a quote.
        line = opened.sub(f'{delimiter}"', closed.sub(f'"{delimiter}', line))
        line = last.sub(r'"\1', first.sub('"', line))
        # Such a quote inside of such quotes is written twice.
        return line.replace(begin * 2, begin) if begin == end else line

    return made
