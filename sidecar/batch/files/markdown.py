"""Tables that are drawn with lines: Markdown's, and those that databases and programs print (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise

from sidecar.batch.files.json_tables import names_prompt

# | prompt | note |     +--------+------+      prompt | note
# |:-------|-----:|     | prompt | note |     --------+------
_RULE = re.compile(r"[|+][ \t]*[:=+|\t -]*|:?[-=]+:?[ \t]*(?:[|+][ \t]*:?[-=]+:?[ \t]*)*[|+]?")
_BETWEEN_CELLS = re.compile(r"(?<!\\)\|")
# How many rows a program tells below its table.
_COUNTED = re.compile(r"\(\d+ rows?\)|\d+ rows? in set.*", re.IGNORECASE)
# What others draw lines with.
_CORNERS = "┌┬┐├┼┤└┴┘╔╦╗╠╬╣╚╩╝╞╪╡┏┳┓┡╇┩╒╤╕╘╧╛┢┪"
_DRAWN = str.maketrans("│┃║─━═╌" + _CORNERS, "|||----" + "+" * len(_CORNERS))
# Above a table there may be a title and some words.
_LOOKED_AT = 20


def is_table(sample: str) -> bool:
    """Whether the first lines of a text hold the header of such a table and the line below it."""
    return _header_at(sample.splitlines()[: _LOOKED_AT + 1]) is not None


def above(sample: str) -> str:
    """Return the first words that stand above the table; an empty text where none do."""
    return _words_above(sample.splitlines()[: _LOOKED_AT + 1])


def records(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the cells of each line of the first table, without the lines between; those of one cell are one record.

    Blank lines count as long as there were no words above.
    """
    source = iter(lines)
    first = list(islice(source, _LOOKED_AT + 1))
    at = _header_at(first)
    if at is None:
        return
    has_words = bool(_words_above(first))
    is_ruled = sum(map(_is_rule, map(_plain, first[at:]))) > 2
    waiting: list[str] = []
    for line in chain(first[at:], source):
        text = _plain(line)
        if _is_rule(text) and text:
            if waiting:
                yield waiting
            waiting = []
        elif "|" in text:
            cells = _cells(text)
            if is_ruled:
                waiting = [
                    f"{one}\n{other}".strip() for one, other in zip(waiting, cells, strict=False)
                ] or cells
            else:
                yield cells
        elif text and (has_words or is_ruled or _COUNTED.fullmatch(text)):
            break
        elif text:
            yield [text]
        elif has_words:
            break
        else:
            yield []
    if waiting:
        yield waiting


def _words_above(lines: list[str]) -> str:
    words = map(_plain, lines[: _header_at(lines) or 0])
    return next((line for line in words if line and not _is_rule(line)), "")


def _header_at(lines: list[str]) -> int | None:
    plain = list(map(_plain, lines))
    for at, (line, below) in enumerate(pairwise(plain)):
        if "|" in line and not _is_rule(line) and _is_rule(below) and ("|" in below or "+" in below):
            # Beneath words it may be what a prompt is about, and then names none.
            above = [each for each in plain[:at] if each and not _is_rule(each)]
            return None if above and ('"' in "".join(above) or not names_prompt(_cells(line))) else at
    return None


def _cells(text: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _BETWEEN_CELLS.split(_without_edges(text))]


def _is_rule(text: str) -> bool:
    return "-" in text.replace("=", "-") and _RULE.fullmatch(text) is not None


def _plain(line: str) -> str:
    return line.translate(_DRAWN).strip("\ufeff \t\r\n")


def _without_edges(text: str) -> str:
    text = text.removeprefix("|")
    return text[:-1] if text.endswith("|") and not text.endswith("\\|") else text
