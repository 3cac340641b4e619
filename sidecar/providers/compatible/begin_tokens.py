"""The marks with which a template opens a model's turn, which a server leaves before the answer (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sidecar.providers.base import TextDelta
from sidecar.providers.openai_family.stream import Splitter, Spoken

# Of ChatML, Llama, Gemma, Phi, DeepSeek, Cohere, Mistral, GLM, and what stands around an answer behind a thought.
MARKS = (
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<|im_sep|>",
    "<start_of_turn>model",
    "<|turn>model",
    "[gMASK]",
    "<sop>",
    "<|assistant|>",
    "<\uff5cAssistant\uff5c>",
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "<|START_RESPONSE|>",
    "<|begin_of_solution|>",
    "<|begin_of_box|>",
    "<|begin_of_text|>",
    "<|startoftext|>",
    "[/INST]",
    "<bos>",
    "<s> ",
)
# More blanks than stand before any mark; an answer may begin with a million pieces of them.
_MOST_BLANKS = 200
_MARK = re.compile(rf"\s*(?:{'|'.join(map(re.escape, MARKS))})\s*")


class BeginTokens:
    """Takes such marks off the very beginning of what `inner` is fed, and of the first text that it tells.

    They may come in any pieces. Behind a first word they are what the answer is about.
    """

    def __init__(self, inner: Splitter) -> None:
        self._inner = inner
        self._fed, self._told = _Beginning(), _Beginning()

    def feed(self, text: str) -> Iterator[Spoken]:
        """Yield what is certain."""
        yield from self._without(self._inner.feed(self._fed.take(text)))

    def finish(self) -> Iterator[Spoken]:
        """Yield what was kept back in case it was a mark."""
        yield from self._without(self._inner.feed(self._fed.rest()))
        yield from self._without(self._inner.finish())
        if kept := self._told.rest():
            yield TextDelta(kept)

    def _without(self, said: Iterator[Spoken]) -> Iterator[Spoken]:
        for event in said:
            if not isinstance(event, TextDelta):
                yield event
            elif text := self._told.take(event.text):
                yield TextDelta(text)


class _Beginning:
    """Holds back the first letters until it is known that they are no mark."""

    def __init__(self) -> None:
        self._kept: str | None = ""
        self._met = False

    def take(self, text: str) -> str:
        if self._kept is None:
            return text
        kept = self._kept + text
        while (mark := _MARK.match(kept)) is not None:
            kept, self._met = kept[mark.end() :], True
        begun = kept.lstrip()
        if self._met:
            # What sets a mark apart from the answer belongs to nobody.
            kept = begun
        if any(mark.startswith(begun) for mark in MARKS) and len(kept) <= _MOST_BLANKS:
            self._kept = kept
            return ""
        self._kept = None
        return kept

    def rest(self) -> str:
        kept, self._kept = self._kept, None
        return kept or ""
