"""A page's words as Markdown: headings, lists, code and paragraphs stay what they are (pure)."""

from __future__ import annotations

import re

from sidecar.html_tokens import tokens

_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_BLOCKS = frozenset({"p", "div", "ul", "ol", "table", "tr", "blockquote", "pre", "hr", *_HEADINGS})
_UNSEEN = frozenset({"script", "style", "head"})
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_MANY_LINES = re.compile(r"\n{3,}")


def as_text(html: str) -> str:
    """Return what a person reads there."""
    reader = _Reader()
    for kind, text, _ in tokens(html):
        if kind == "begin":
            reader.begin(text)
        elif kind == "end":
            reader.end(text)
        else:
            reader.words(text)
    return _MANY_LINES.sub("\n\n", "".join(reader.parts)).strip()


class _Reader:
    """Gathers the pieces."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._code = 0
        self._unseen = 0

    def begin(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in ("td", "th"):
            self.parts.append(" | ")
        elif tag == "pre":
            self._code += 1
            self.parts.append("\n\n```\n")
        elif tag == "code" and not self._code:
            self.parts.append("`")
        elif tag in _MARKS and not self._code:
            self.parts.append(_MARKS[tag])
        elif tag in _BLOCKS:
            self.parts.append(f"\n\n{_HEADINGS.get(tag, '')}" if tag != "tr" else "\n")

    def end(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "pre" and self._code:
            self._code -= 1
            self.parts.append("\n```\n\n")
        elif tag == "code" and not self._code:
            self.parts.append("`")
        elif tag in _MARKS and not self._code:
            self.parts.append(_MARKS[tag])
        elif tag in _BLOCKS and tag != "tr":
            self.parts.append("\n\n")

    def words(self, words: str) -> None:
        if not self._unseen:
            self.parts.append(words if self._code else " ".join(words.split("\n")))
