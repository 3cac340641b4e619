"""Thinking that a model writes into its answer, between tags, however they are cut (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sidecar.providers.base import TextDelta, TextWasThinking, ThinkingDelta
from sidecar.providers.compatible import harmony
from sidecar.providers.compatible.thought_words import (
    ANY_CLOSE,
    ANY_END,
    ANY_OPEN,
    LONGEST,
    begun,
    closing,
    may_open,
    opening,
    thought_in_words,
)

Spoken = TextDelta | ThinkingDelta | TextWasThinking

# Letters that nobody sees, before the first.
_UNSEEN = re.compile(r"[\s\ufeff\u200b\u2060]+")
# An answer that quotes so many closing tags is about them.
_MOST_QUOTED = 100


class ThinkSplitter:
    """Feed it the answer piece by piece. Only what stands before the first word of the answer is thinking:
    a tag later on is what the answer is about. A closing tag that nothing opened ends a thought that began at once."""

    def __init__(self) -> None:
        self._state = "before"
        self._kept = ""
        # Blanks before a first word, which may come in a million pieces; nothing else is kept then.
        self._blanks: list[str] = []
        self._thought = False
        # What was thought since the tag that opened it: it tells whether another tag stands in it.
        self._since: list[str] = []
        self._close = ""
        self._harmony: harmony.HarmonySplitter | None = None
        self._lone: LoneClose | None = LoneClose()

    def feed(self, text: str) -> Iterator[Spoken]:
        """Yield what is certain."""
        if self._harmony is not None:
            yield from self._harmony.feed(text)
            return
        if self._state == "text":
            yield from self._text(text)
            return
        if self._state != "thinking" and not self._kept and not text.strip():
            self._blanks.append(text)
            return
        self._kept = "".join((*self._blanks, self._kept, text))
        self._blanks.clear()
        while self._kept:
            before, kept = self._state, self._kept
            yield from self._thinking() if self._state == "thinking" else self._beginning()
            if self._state == before and (before == "thinking" or self._kept == kept):
                break
        if self._state != "thinking" and self._kept and not self._kept.strip():
            self._blanks.append(self._kept)
            self._kept = ""

    def finish(self) -> Iterator[Spoken]:
        """Yield what was kept back in case a tag was going to be completed."""
        if self._harmony is not None:
            yield from self._harmony.finish()
        kept, self._kept = "".join((*self._blanks, self._kept)), ""
        if self._state == "thinking":
            yield from self._told(kept)
            if answer := _behind_another_tag("".join(self._since)):
                yield TextDelta(answer)
        elif self._state == "before" or kept.strip():
            yield TextDelta(kept)

    def _beginning(self) -> Iterator[Spoken]:
        unseen = _UNSEEN.match(self._kept)
        start = self._kept[unseen.end() :] if unseen else self._kept
        channels = harmony.from_its_channel(start)
        if channels is not None:
            self._harmony, self._kept = harmony.HarmonySplitter(), ""
            yield from self._harmony.feed(channels)
            return
        opened = opening(start)
        again = re.match(closing(self._close), start, re.IGNORECASE) if self._state == "after" else None
        if again is not None:
            # A thought inside the thought, or a tag that was written twice.
            self._kept = start[again.end() :]
        elif opened is not None:
            self._close, length = opened
            self._state, self._kept = "thinking", start[length:].removeprefix("\n")
            self._lone = None
            self._since.clear()
        elif start and not self._may_go_on(start):
            # After thinking, the lines that set it apart belong to nobody.
            text = start if self._state == "after" else self._kept
            self._state, self._kept = "text", ""
            yield from self._text(text)

    def _may_go_on(self, start: str) -> bool:
        """What is held back until it is known: behind a thought its closing tag too, which may come once more."""
        closes = self._state == "after" and begun(self._close, start) == len(start)
        return closes or may_open(start) or harmony.may_begin(start)

    def _thinking(self) -> Iterator[Spoken]:
        thought = self._kept
        closed = re.search(closing(self._close), thought, re.IGNORECASE)
        if closed is not None:
            self._state, self._kept = "after", thought[closed.end() :]
            thought = thought[: closed.start()]
            inner = ANY_OPEN.search(said := "".join((*self._since, thought)))
            if inner is not None and not _is_quoted(said[: inner.start()]):
                # A thought inside the thought: the outer one may be closed behind it.
                self._lone = LoneClose()
        else:
            held = begun(self._close, thought)
            self._kept = thought[len(thought) - held :]
            thought = thought[: len(thought) - held]
        yield from self._told(thought)

    def _told(self, thought: str) -> Iterator[Spoken]:
        """Models that were told not to think leave the tags, with blank lines between them."""
        self._since.append(thought)
        self._thought = self._thought or bool(thought.strip())
        if self._thought:
            yield ThinkingDelta(thought)

    def _text(self, text: str) -> Iterator[Spoken]:
        if self._lone is None:
            yield TextDelta(text)
            return
        found = self._lone.take(text)
        if found is None:
            yield TextDelta(text)
            return
        thought, self._close, answer = found
        self._state, self._lone = "after", None
        yield TextWasThinking(thought)
        yield from self.feed(answer)


class LoneClose:
    """Looks for a closing tag that nothing opened: templates that open the thought themselves leave it behind."""

    def __init__(self) -> None:
        # Not one text that grows: an answer may come in a million pieces.
        self._pieces: list[str] = []
        self._near = ""
        self._searched = 0
        self._quoted = 0
        self._closed: tuple[int, int] | None = None
        self._thought = ""
        self._over = False

    def take(self, text: str) -> tuple[str, str, str] | None:
        """Return all that was thought, what ended it and what of the answer has come; None as long as nothing did."""
        if self._over:
            return None
        self._pieces.append(text)
        if self._closed is None:
            self._near += text
            if ANY_END.search(self._near) is None:
                self._searched += max(0, len(self._near) - LONGEST)
                self._near = self._near[-LONGEST:]
                return None
            self._search(self._all())
        if self._closed is None or not text.strip():
            return None
        begin, end = self._closed
        said = self._all()
        # A tag at the very end sets nothing apart.
        answer = said[end:].lstrip()
        return (self._thought, said[begin:end], answer) if answer else None

    def _all(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def _search(self, said: str) -> None:
        while (found := ANY_END.search(said, self._searched)) is not None:
            self._searched = found.end()
            before = thought_in_words(said, found)
            if before is None:
                continue
            if ANY_OPEN.search(before) or self._quoted >= _MOST_QUOTED:
                self._over = True
                return
            if before.strip() and not _is_quoted(before):
                self._closed, self._thought = found.span(), before
                return
            self._quoted += 1
        self._searched = max(self._searched, len(said) - LONGEST)
        self._near = said[self._searched :]


def _is_quoted(before: str) -> bool:
    """Whether the next character stands inside quotes or code, where a tag is what the answer is about."""
    line = before[before.rfind("\n") + 1 :].replace('\\"', "")
    return line.count('"') % 2 == 1 or line.count("`") % 2 == 1 or before.count("```") % 2 == 1


def _behind_another_tag(thought: str) -> str:
    """What stands behind a tag that closes a thought of another name: models close one as they are used to."""
    for found in ANY_CLOSE.finditer(thought):
        before = thought[: found.start()]
        if before.strip() and not _is_quoted(before) and not ANY_OPEN.search(before):
            return thought[found.end() :].lstrip()
    return ""
