"""Tables in a web page: what many programs call `.xls`, and what a browser saves (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sidecar.html_tokens import Token, tokens

_SPACES = re.compile(r"[ \t\r\n]+")
_SPAN = re.compile(r"\b(colspan|rowspan)\s*=\s*[\"']?\s*(\d{1,4})", re.IGNORECASE)
_LINES = frozenset({"br", "p", "div", "li"})
_UNSEEN = frozenset({"script", "style", "head", "template", "noscript"})
_LOOKED_AT = 20
# A cell over more columns, or beside more rows, than these is there for its looks.
_MOST_COLUMNS, _MOST_ROWS = 100, 1_000
# A page that asks to sign in may be laid out as a table.
_ASKS = re.compile(r"<input\b[^>]{0,500}\btype\s*=\s*[\"']?password", re.IGNORECASE)

Record = list[str]


@dataclass(slots=True)
class _Table:
    rows: list[Record] = field(default_factory=list)
    # Of cells that stand beside several rows: by column, their text and how many rows are left, from the next one on.
    beside: dict[int, tuple[str, int]] = field(default_factory=dict)
    later: dict[int, tuple[str, int]] = field(default_factory=dict)
    words: list[str] | None = None
    span: tuple[int, int] = (1, 1)


def table_in(html: str, names_prompt: Callable[[Sequence[str]], bool]) -> list[Record] | None:
    """Return the rows of the first table whose top `names_prompt`, or else of the longest; None where there is none."""
    if _ASKS.search(html):
        return None
    found = [table.rows for table in _tables(html) if len(table.rows) > 1]
    named = (rows for rows in found if any(map(names_prompt, rows[:_LOOKED_AT])))
    return next(named, max(found, key=len, default=None))


def text_in(html: str) -> str | None:
    """Return the text that a browser put into a page to show it: the one `<pre>` of the page. None for any other."""
    parts: list[str] = []
    depth = seen = 0
    for kind, text, _ in tokens(html):
        if text == "pre" and kind != "words":
            depth += 1 if kind == "begin" else -1
            seen += kind == "begin"
        elif kind == "words" and depth > 0:
            parts.append(text)
    return "".join(parts) if seen == 1 else None


def _tables(html: str) -> list[_Table]:
    found: list[_Table] = []
    open_: list[_Table] = []
    unseen = 0
    for token in tokens(html):
        kind, name, _ = token
        if kind != "words" and name in _UNSEEN:
            unseen = max(0, unseen + (1 if kind == "begin" else -1))
        elif kind != "words" and name == "table":
            if kind == "begin":
                open_.append(_Table())
                found.append(open_[-1])
            elif open_:
                _end_row(open_.pop())
        elif open_ and not unseen:
            _take(open_[-1], token)
    for table in open_:
        _end_row(table)
    return found


def _take(table: _Table, token: Token) -> None:
    kind, text, _ = token
    if kind == "words":
        if table.words is not None:
            table.words.append(_SPACES.sub(" ", text))
    elif text == "tr":
        if kind == "begin":
            _end_row(table)
            table.rows.append([])
        _end_cell(table)
    elif text in ("td", "th"):
        _end_cell(table)
        if kind == "begin":
            spans = {name.lower(): int(number) for name, number in _SPAN.findall(token.tag)}
            table.span = spans.get("colspan", 1), spans.get("rowspan", 1)
            table.words = []
            if not table.rows:
                table.rows.append([])
    elif text in _LINES and table.words is not None:
        table.words.append("\n")


def _end_cell(table: _Table) -> None:
    if table.words is None:
        return
    lines = "".join(table.words).replace("\xa0", " ").split("\n")
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in lines)).strip()
    table.words = None
    _fill_up(table)
    columns, rows = table.span
    for number in range(max(1, min(columns, _MOST_COLUMNS))):
        cell = text if not number else ""
        if rows > 1:
            table.later[len(table.rows[-1])] = cell, min(rows, _MOST_ROWS) - 1
        table.rows[-1].append(cell)


def _fill_up(table: _Table) -> None:
    """Put in what stands beside several rows, up to where a cell of this row has its place."""
    row = table.rows[-1]
    while len(row) in table.beside:
        row.append(table.beside[len(row)][0])


def _end_row(table: _Table) -> None:
    _end_cell(table)
    if table.rows:
        _fill_up(table)
        left = {column: (text, rows - 1) for column, (text, rows) in table.beside.items() if rows > 1}
        table.beside, table.later = left | table.later, {}
