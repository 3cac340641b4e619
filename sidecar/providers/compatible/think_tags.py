"""Thinking that a model writes into its answer, between tags, however they are cut (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sidecar.providers.base import TextDelta, TextWasThinking, ThinkingDelta
from sidecar.providers.compatible import harmony

Spoken = TextDelta | ThinkingDelta | TextWasThinking

# The tags that models are trained to, or servers leave in.
PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<antThinking>", "</antThinking>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think|>", "<|/think|>"),
    ("<thinking_process>", "</thinking_process>"),
    ("<unused94>thought", "<unused95>"),
    ("<ctrl94>thought", "<ctrl95>"),
    ("<|channel>thought", "<channel|>"),
)
_CLOSE_OF = dict(PAIRS)
_BEGINNINGS = (*_CLOSE_OF, *harmony.BEGINNINGS)
# Servers and models write them in capitals too.
_ANY_OPEN = re.compile("|".join(re.escape(opened) for opened, _ in PAIRS), re.IGNORECASE)
_ANY_CLOSE = re.compile("|".join(re.escape(closed) for _, closed in PAIRS), re.IGNORECASE)
# Some tell in the tag how long was thought.
_NAMES = "think|thinking|thought|thoughts|reasoning"
_WITH_MORE = re.compile(rf"<({_NAMES})\s[^<>\n]{{0,200}}>", re.IGNORECASE)
_HALF_OPEN = re.compile(rf"<(?:{_NAMES})\s[^<>\n]{{0,200}}", re.IGNORECASE)
# What is left of OpenAI's channels where a server drops the tokens around their names.
_BARE_THOUGHT = re.compile(r"analysis(?=[A-Z\"'(])")
_BARE_ANSWER = "assistantfinal"
_ANY_END = re.compile(f"{_ANY_CLOSE.pattern}|{_BARE_ANSWER}", re.IGNORECASE)
_LONGEST = max(len(tag) for pair in PAIRS for tag in pair)
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
        elif self._state == "before" or kept.strip():
            yield TextDelta(kept)

    def _beginning(self) -> Iterator[Spoken]:
        start = self._kept.lstrip()
        if start.startswith(harmony.BEGINNINGS):
            self._harmony, self._kept = harmony.HarmonySplitter(), ""
            yield from self._harmony.feed(start)
            return
        opened = _opening(start)
        if self._state == "after" and _same(start[: len(self._close)], self._close):
            # A thought inside the thought, or a tag that was written twice.
            self._kept = start[len(self._close) :]
        elif opened is not None:
            tag, length = opened
            self._state, self._kept = "thinking", start[length:].removeprefix("\n")
            self._close, self._lone = _CLOSE_OF[tag], None
        elif (
            start
            and not any(_same(tag[: len(start)], start) for tag in self._beginnings())
            and not _HALF_OPEN.fullmatch(start)
        ):
            # After thinking, the lines that set it apart belong to nobody.
            text = start if self._state == "after" else self._kept
            self._state, self._kept = "text", ""
            yield from self._text(text)

    def _beginnings(self) -> tuple[str, ...]:
        """What is held back until it is known: behind a thought its closing tag too, which may come once more."""
        return (*_BEGINNINGS, self._close) if self._state == "after" else _BEGINNINGS

    def _thinking(self) -> Iterator[Spoken]:
        thought = self._kept
        closed = re.search(re.escape(self._close), thought, re.IGNORECASE)
        if closed is not None:
            self._state, self._kept = "after", thought[closed.end() :]
            thought = thought[: closed.start()]
        else:
            held = _beginning_of(self._close, thought)
            self._kept = thought[len(thought) - held :]
            thought = thought[: len(thought) - held]
        yield from self._told(thought)

    def _told(self, thought: str) -> Iterator[Spoken]:
        """Models that were told not to think leave the tags, with blank lines between them."""
        self._thought = self._thought or bool(thought.strip())
        if self._thought:
            yield ThinkingDelta(thought)

    def _text(self, text: str) -> Iterator[Spoken]:
        if self._lone is None:
            yield TextDelta(text)
            return
        found = self._lone.take(text)
        if found is not None:
            self._lone = None
            thought, text = found
            yield TextWasThinking(thought)
        yield TextDelta(text)


class LoneClose:
    """Looks for a closing tag that nothing opened: templates that open the thought themselves leave it behind."""

    def __init__(self) -> None:
        # Not one text that grows: an answer may come in a million pieces.
        self._pieces: list[str] = []
        self._near = ""
        self._searched = 0
        self._quoted = 0
        self._closed: tuple[int, int] | None = None
        self._over = False

    def take(self, text: str) -> tuple[str, str] | None:
        """Return all that was thought and what of the answer has come; None while there is none, or never will be."""
        if self._over:
            return None
        self._pieces.append(text)
        if self._closed is None:
            self._near += text
            if _ANY_END.search(self._near) is None:
                self._searched += max(0, len(self._near) - _LONGEST)
                self._near = self._near[-_LONGEST:]
                return None
            self._search(self._all())
        if self._closed is None or not text.strip():
            return None
        begin, end = self._closed
        said = self._all()
        # A tag at the very end sets nothing apart.
        answer = said[end:].lstrip()
        thought = said[:begin]
        if said[begin:end].lower() == _BARE_ANSWER:
            thought = _BARE_THOUGHT.sub("", thought, count=1)
        return (thought, answer) if answer else None

    def _all(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def _search(self, said: str) -> None:
        while (found := _ANY_END.search(said, self._searched)) is not None:
            self._searched = found.end()
            before = said[: found.start()]
            if found[0].lower() == _BARE_ANSWER and not _BARE_THOUGHT.match(said):
                continue
            if _ANY_OPEN.search(before) or self._quoted >= _MOST_QUOTED:
                self._over = True
                return
            if before.strip() and not _is_quoted(before):
                self._closed = found.span()
                return
            self._quoted += 1
        self._searched = max(self._searched, len(said) - _LONGEST)
        self._near = said[self._searched :]


def _is_quoted(before: str) -> bool:
    """Whether the next character stands inside quotes or code, where a tag is what the answer is about."""
    line = before[before.rfind("\n") + 1 :].replace('\\"', "")
    return line.count('"') % 2 == 1 or line.count("`") % 2 == 1 or before.count("```") % 2 == 1


def _opening(text: str) -> tuple[str, int] | None:
    """The tag of the list that a text begins with, and how long it is; None for another beginning."""
    tag = next((tag for tag in _CLOSE_OF if _same(text[: len(tag)], tag)), None)
    if tag is not None:
        return tag, len(tag)
    told = _WITH_MORE.match(text)
    return None if told is None else (f"<{told[1].lower()}>", told.end())


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _beginning_of(tag: str, text: str) -> int:
    """How many of the last characters could be the beginning of the tag."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if _same(tag[:length], text[-length:]):
            return length
    return 0
