"""What has arrived of an answer so far, put together from a provider's events."""

from __future__ import annotations

from dataclasses import replace

from sidecar.providers.base import (
    ANSWER_LONGER,
    Begun,
    Citation,
    Done,
    Event,
    FinishReason,
    TextDelta,
    TextWasThinking,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)
from sidecar.spending.settlement import least_tokens

# No answer is longer. Beyond, sums of what is stored would no longer fit into a column.
MOST_OF_ANYTHING = 10**12

# A count of the beginning is of a few tokens, and falls short of what came even where each was a run of blanks. More
# than a few were counted by somebody.
FEW_TOKENS = 16
LONGEST_TOKEN_BYTES = 256


def believable(usage: Usage | None) -> Usage | None:
    """The usage, None when it counts nothing at all or counts what cannot be: then it says nothing of the cost."""
    if usage is None:
        return None
    if not all(0 <= count <= MOST_OF_ANYTHING for count in usage.counts):
        usage = Usage(charged_usd=usage.charged_usd)
    return usage if any(usage.counts) or usage.charged_usd is not None else None


class StreamAccumulator:
    """Takes every event of one stream. Whatever ends the stream, this is what is kept of it."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._citations: dict[str, Citation] = {}
        self.usage: Usage | None = None
        self.usage_is_final = False
        self.served_model: str | None = None
        self.response_id: str | None = None
        self.service_tier: str | None = None
        self.finish_reason: FinishReason | None = None
        self.notes: tuple[str, ...] = ()

    def take(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._text.append(text)
            case ThinkingDelta(text):
                self._thinking.append(text)
            case TextWasThinking(text):
                self._text.clear()
                self._thinking.append(text)
            case Citation():
                self._cite(event)
            case Begun():
                tier = (event.service_tier or "").lower()
                # The tier that is asked for is not the one that it runs by.
                self.service_tier = None if tier in ("", "auto") else tier
                self._serve(event)
            case UsageSoFar():
                self.usage = self._believed(event.usage) if event.final else believable(event.usage)
                self.usage_is_final = event.final and self.usage is not None
                self._serve(event)
            case Done():
                self.finish_reason = event.finish_reason
                self.notes = event.notes
                told = self._believed(event.usage)
                self.usage_is_final = self.usage_is_final or told is not None
                self.usage = told or self.usage
                self._serve(event)
                for citation in event.citations:
                    self._cite(citation)

    def _believed(self, usage: Usage | None) -> Usage | None:
        """The usage of the whole answer, in doubt where what has arrived is longer than it can be."""
        usage = believable(usage)
        if usage is None or usage.out_total > FEW_TOKENS:
            return usage
        if usage.out_total * LONGEST_TOKEN_BYTES >= self.arrived_bytes:
            return usage
        return replace(usage, doubt=usage.doubt or ANSWER_LONGER)

    def _serve(self, event: Begun | UsageSoFar | Done) -> None:
        self.served_model = event.served_model or self.served_model
        self.response_id = event.response_id or self.response_id

    def _cite(self, citation: Citation) -> None:
        """A page that is cited many times is one citation; the first that has a title names it."""
        known = self._citations.get(citation.url)
        if known is None or not known.title:
            self._citations[citation.url] = citation

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def thinking(self) -> str:
        return "".join(self._thinking)

    @property
    def citations(self) -> tuple[Citation, ...]:
        return tuple(self._citations.values())

    @property
    def arrived_bytes(self) -> int:
        """The length of the text and the thinking that have arrived, in UTF-8."""
        return sum(len(piece.encode("utf-8", "replace")) for piece in (*self._text, *self._thinking))

    @property
    def least_tokens(self) -> int:
        """Of how many tokens the text and the thinking that have arrived are at least."""
        return least_tokens("".join(self._text)) + least_tokens("".join(self._thinking))

    @property
    def begun(self) -> bool:
        """Whether anything arrived that the vendor may charge for."""
        return bool(self._text or self._thinking or self.usage)
