"""Thinking that a model writes into its answer, between <think> and </think>, however it is cut (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.providers.base import TextDelta, ThinkingDelta

OPEN, CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Feed it the answer piece by piece. Only what stands before the first word of the answer is thinking:
    a tag later on is what the answer is about."""

    def __init__(self) -> None:
        self._state = "before"
        self._kept = ""
        self._thought = False

    def feed(self, text: str) -> Iterator[TextDelta | ThinkingDelta]:
        if self._state == "text":
            yield TextDelta(text)
            return
        self._kept += text
        while self._kept:
            before = self._state
            yield from self._thinking() if self._state == "thinking" else self._beginning()
            if self._state == before:
                return

    def finish(self) -> Iterator[TextDelta | ThinkingDelta]:
        """What was kept back in case a tag was going to be completed."""
        kept, self._kept = self._kept, ""
        if self._state == "thinking":
            yield from self._told(kept)
        elif self._state == "before" or kept.strip():
            yield TextDelta(kept)

    def _beginning(self) -> Iterator[TextDelta | ThinkingDelta]:
        start = self._kept.lstrip()
        if start.startswith(OPEN):
            self._state, self._kept = "thinking", start.removeprefix(OPEN).removeprefix("\n")
        elif start and not OPEN.startswith(start):
            # After thinking, the lines that set it apart belong to nobody.
            text = start if self._state == "after" else self._kept
            self._state, self._kept = "text", ""
            yield TextDelta(text)

    def _thinking(self) -> Iterator[TextDelta | ThinkingDelta]:
        thought, closed, rest = self._kept.partition(CLOSE)
        if closed:
            self._state, self._kept = "after", rest
        else:
            held = _beginning_of_close(thought)
            self._kept = thought[len(thought) - held :]
            thought = thought[: len(thought) - held]
        yield from self._told(thought)

    def _told(self, thought: str) -> Iterator[ThinkingDelta]:
        """Models that were told not to think leave the tags, with blank lines between them."""
        self._thought = self._thought or bool(thought.strip())
        if self._thought:
            yield ThinkingDelta(thought)


def _beginning_of_close(text: str) -> int:
    """How many of the last characters could be the beginning of the closing tag."""
    for length in range(min(len(CLOSE) - 1, len(text)), 0, -1):
        if CLOSE.startswith(text[-length:]):
            return length
    return 0
