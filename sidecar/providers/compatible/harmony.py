"""The raw form of OpenAI's open models, from servers that pass it on: channels between tokens in bars (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sidecar.providers.base import TextDelta, ThinkingDelta

BEGINNINGS = ("<|channel|>", "<|start|>")
# A template that writes the first token itself leaves the rest of it.
_BARE_BEGINNINGS = tuple(f"{channel}<|message|>" for channel in ("analysis", "commentary", "final"))
_TOKEN = re.compile(r"<\|(start|channel|message|constrain|end|return|call)\|>")
_LONGEST_TOKEN = len("<|constrain|>")
# How a channel begins says which it is; what does not end would be a longer one with each piece.
_MOST_CHANNEL = 1_000


def from_its_channel(text: str) -> str | None:
    """Return an answer in this form from the token of its channel on; None where the text is in no such form."""
    if text.startswith(BEGINNINGS):
        return text
    return f"<|channel|>{text}" if text.startswith(_BARE_BEGINNINGS) else None


def may_begin(text: str) -> bool:
    """Return whether the text may be the beginning of an answer in this form."""
    return any(begins.startswith(text) for begins in (*BEGINNINGS, *_BARE_BEGINNINGS))


class HarmonySplitter:
    """Feed it the answer piece by piece. What stands in the channel `final` is the answer, all else is thinking."""

    def __init__(self) -> None:
        self._kept = ""
        self._inside = False
        self._header = ""
        self._channel = ""

    def feed(self, text: str) -> Iterator[TextDelta | ThinkingDelta]:
        """Yield what is certain: a token may be cut anywhere."""
        self._kept += text
        while (token := _TOKEN.search(self._kept)) is not None:
            before, self._kept = self._kept[: token.start()], self._kept[token.end() :]
            yield from self._told(before)
            self._turn(token[1])
        held = _begun_token(self._kept)
        certain, self._kept = self._kept[: len(self._kept) - held], self._kept[len(self._kept) - held :]
        yield from self._told(certain)

    def finish(self) -> Iterator[TextDelta | ThinkingDelta]:
        """Yield what was kept back in case a token was going to be completed."""
        kept, self._kept = self._kept, ""
        yield from self._told(kept)

    def _turn(self, word: str) -> None:
        if word == "message":
            self._inside = True
            return
        if word in ("start", "end", "return", "call"):
            self._channel = ""
        self._header = word if word == "channel" else ""
        self._inside = False

    def _told(self, text: str) -> Iterator[TextDelta | ThinkingDelta]:
        if not text:
            return
        if not self._inside:
            # Who speaks, to whom and in which channel.
            if self._header == "channel" and len(self._channel) < _MOST_CHANNEL:
                self._channel += text
        elif self._channel.strip().startswith("final") or not self._channel:
            yield TextDelta(text)
        else:
            yield ThinkingDelta(text)


def _begun_token(text: str) -> int:
    """How many of the last characters could be the beginning of a token."""
    at = text.rfind("<", max(0, len(text) - _LONGEST_TOKEN))
    return len(text) - at if at >= 0 and "<|".startswith(text[at : at + 2]) else 0
