"""The tags between which a model that has thought puts its answer (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sidecar.providers.base import TextDelta
from sidecar.providers.compatible.thought_words import same
from sidecar.providers.openai_family.stream import Splitter, Spoken

# Of Hunyuan, OLMo, ERNIE and what was trained like them.
FRAMES = (
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<final_answer>", "</final_answer>"),
    ("<solution>", "</solution>"),
    ("<output>", "</output>"),
)
# Of Apriel, whose other words end the thought themselves.
_BEHIND_WORDS = "[END FINAL RESPONSE]"
# More blanks than stand beside any tag; an answer may hold a million pieces of them.
_MOST_BLANKS = 200


class AnswerFrames:
    """Takes such tags off what `inner` tells behind a thought: one that opens it, and the one that closes it.

    Without a thought before them, or behind a first word, they are what the answer is about. Cut anywhere.
    """

    def __init__(self, inner: Splitter) -> None:
        self._inner = inner
        self._state: Literal["before", "opened", "inside", "closed", "free"] = "before"
        self._thought = False
        self._close = _BEHIND_WORDS
        self._kept = ""

    def feed(self, text: str) -> Iterator[Spoken]:
        """Yield what is certain."""
        for event in self._inner.feed(text):
            yield from self._take(event)

    def finish(self) -> Iterator[Spoken]:
        """Yield what was kept back in case it was a tag. Blanks around a frame belong to nobody."""
        for event in self._inner.finish():
            yield from self._take(event)
        kept, self._kept = self._kept, ""
        if kept.strip() or (kept and self._state in ("before", "inside")):
            yield TextDelta(kept)

    def _take(self, event: Spoken) -> Iterator[Spoken]:
        if not isinstance(event, TextDelta):
            self._thought = True
            yield event
        elif not self._thought or self._state == "free":
            yield event
        else:
            self._kept += event.text
            if text := self._certain():
                yield TextDelta(text)

    def _certain(self) -> str:
        """What of the letters that were kept is the answer's in any case."""
        if self._state == "before":
            self._open()
        if self._state == "opened":
            self._kept = self._kept.lstrip()
            self._state = "inside" if self._kept else "opened"
        text = self._inside() if self._state == "inside" else ""
        if self._state == "closed" and (self._kept.strip() or len(self._kept) > _MOST_BLANKS):
            text, self._kept, self._state = text + self._kept, "", "free"
        return text

    def _open(self) -> None:
        start = self._kept.lstrip()
        for tag, close in FRAMES:
            if same(start[: len(tag)], tag):
                self._state, self._close, self._kept = "opened", close, start[len(tag) :]
                return
        may_begin = any(same(tag[: len(start)], start) for tag, _ in FRAMES)
        if not may_begin or len(self._kept) > _MOST_BLANKS:
            self._state = "inside"

    def _inside(self) -> str:
        at = self._kept.lower().find(self._close.lower())
        if at >= 0:
            before, self._kept = self._kept[:at].rstrip(), self._kept[at + len(self._close) :]
            self._state = "closed"
            return before
        said = self._kept[: len(self._kept) - _begun(self._close, self._kept)]
        # Blanks before the closing tag go with it.
        text = said.rstrip()
        if len(said) - len(text) > _MOST_BLANKS:
            text = said
        self._kept = self._kept[len(text) :]
        return text


def _begun(close: str, text: str) -> int:
    """Return how many of the last letters may be the beginning of the closing tag."""
    at = text.rfind(close[0], max(0, len(text) - len(close)))
    return len(text) - at if at >= 0 and same(close[: len(text) - at], text[at:]) else 0
