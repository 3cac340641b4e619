"""The tags and the words of a page, read once from its beginning to its end, whatever is not closed in it (pure).

The standard library's parser goes to the end of the page for each tag that is not closed: of sixty kilobytes of them it
took half a minute, and nothing else of the process ran meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Literal, NamedTuple

_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_QUOTE_OR_END = re.compile("[\"'>]")
# In these nothing is a tag but their end.
_RAW = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style")}


class Token(NamedTuple):
    """Words as they are meant, or the name of a tag in small letters; `tag` is all of it, as it is written."""

    kind: Literal["words", "begin", "end"]
    text: str
    tag: str = ""


def tokens(html: str) -> Iterator[Token]:
    """Yield what the page is made of. Comments and declarations are left out; a tag without an end is words."""
    page = _Page(html)
    at = said = 0
    while (begin := html.find("<", at)) >= 0:
        end = page.end_of(begin)
        if end is None:
            at = begin + 1
            continue
        if said < begin:
            yield Token("words", unescape(html[said:begin]))
        at = said = end
        named = _NAME.match(html, begin)
        if named is None:
            continue
        name, closes = named[1].lower(), html[begin + 1] == "/"
        yield Token("end" if closes else "begin", name, html[begin:end])
        if name in _RAW and not closes:
            closing = _RAW[name].search(html, at)
            at = said = len(html) if closing is None else closing.start()
    if said < len(html):
        yield Token("words", unescape(html[said:]))


class _Page:
    """Where things end in it. What was looked for once and is not there is not looked for again further on."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._gone: set[str] = set()

    def end_of(self, begin: int) -> int | None:
        """Return where what begins with the `<` there ends, None where that is a sign like any other."""
        after = self._html[begin + 1 : begin + 2]
        if self._html.startswith("<!--", begin) and (end := self._find("-->", begin + 2)) >= 0:
            return end + 3
        if after in ("!", "?", "/") and not _NAME.match(self._html, begin):
            return self._find(">", begin) + 1 or None
        return self._end_of_tag(begin) if _NAME.match(self._html, begin) else None

    def _end_of_tag(self, begin: int) -> int | None:
        """A `>` in quotes is not the end, unless the quotes are not closed."""
        first, at = self._find(">", begin), begin
        while first >= 0 and (found := _QUOTE_OR_END.search(self._html, at)):
            if found[0] == ">":
                return found.end()
            closed = self._find(found[0], found.end())
            if closed < 0:
                break
            at = closed + 1
        return first + 1 or None

    def _find(self, wanted: str, at: int) -> int:
        if wanted in self._gone:
            return -1
        found = self._html.find(wanted, at)
        if found < 0:
            self._gone.add(wanted)
        return found
