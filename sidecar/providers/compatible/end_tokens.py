"""The mark with which a model ends its turn, which a server with another template leaves in the answer (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.providers.base import TextDelta
from sidecar.providers.openai_family.stream import Splitter, Spoken

# What models are trained to end with: ChatML's, Llama's, GPT's, Phi's, Gemma's, DeepSeek's, Cohere's, Mistral's, and
# GLM's, which is the beginning of the person's turn.
MARKS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<|return|>",
    "<|eot|>",
    "<|user|>",
    "<|role_end|>",
    "<end_of_turn>",
    "<turn|>",
    "<｜end▁of▁sentence｜>",
    "<|END_RESPONSE|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|end_of_solution|>",
    "<|end_of_box|>",
    "<eos>",
    "</s>",
)
# A web page strikes words out between these.
_CLOSES_ELEMENT, _ELEMENT = "</s>", "<s>"


class EndTokens:
    """Takes such a mark off the very end of what `inner` tells, where it is stuck to the last word.

    One behind a blank, or alone, is what the answer is about.
    """

    def __init__(self, inner: Splitter) -> None:
        self._inner = inner
        self._held = ""
        self._last = ""
        self._opens_element = False

    def feed(self, text: str) -> Iterator[Spoken]:
        """Yield what is certain."""
        for event in self._inner.feed(text):
            yield from self._take(event)

    def finish(self) -> Iterator[Spoken]:
        """Yield what was kept back in case it was a mark, unless it is one."""
        for event in self._inner.finish():
            yield from self._take(event)
        held, self._held = self._held, ""
        is_mark = held.strip() in MARKS and self._last[-1:] not in ("", " ", "\t")
        if held.strip() == _CLOSES_ELEMENT and self._opens_element:
            is_mark = False
        if held and not is_mark:
            yield TextDelta(held)

    def _take(self, event: Spoken) -> Iterator[Spoken]:
        if not isinstance(event, TextDelta):
            if self._held:
                yield TextDelta(self._held)
                self._held = ""
            yield event
            return
        text, self._held = self._held + event.text, ""
        at = text.rfind("<")
        if at >= 0 and _may_be_mark(text[at:]):
            self._held, text = text[at:], text[:at]
        if text:
            seen = self._last + text
            self._opens_element = self._opens_element or _ELEMENT in seen
            self._last = seen[-len(_ELEMENT) :]
            yield TextDelta(text)


def _may_be_mark(text: str) -> bool:
    begun = text.rstrip()
    return any(mark == begun or (begun == text and mark.startswith(text)) for mark in MARKS)
