"""How much may come of one answer: what a server sends beyond it is neither kept nor shown."""

from __future__ import annotations

from dataclasses import replace

from sidecar.providers.base import Citation, Done, Event, TextDelta, ThinkingDelta, UsageSoFar

# What is stored and sent as one message. The longest answers that vendors sell have a tenth of it.
MOST_LETTERS = 8 * 1024 * 1024
# No vendor's token is longer. A short answer may have a few tokens more than were asked for.
LETTERS_A_TOKEN = 128
LEAST_LETTERS = 64 * 1024


class AnswerBound:
    """Counts what comes of one answer; `max_tokens` is the maximum that was asked for, None where none was."""

    def __init__(self, max_tokens: int | None) -> None:
        self._max_tokens = max_tokens
        asked = MOST_LETTERS if max_tokens is None else LEAST_LETTERS + LETTERS_A_TOKEN * max_tokens
        self._left = min(MOST_LETTERS, asked)
        self._last: UsageSoFar | None = None

    def end_after(self, event: Event) -> Done | None:
        """Return how the answer ends after this event, None while it may go on.

        Its usage is what was told of it so far, with as many tokens written as were asked for at least.
        """
        if isinstance(event, UsageSoFar):
            self._last = event
        if isinstance(event, TextDelta | ThinkingDelta):
            self._left -= len(event.text)
        if isinstance(event, Citation):
            self._left -= len(event.url) + len(event.title)
        if self._left >= 0 or isinstance(event, Done):
            return None
        if self._last is None:
            return Done("length", None)
        usage = self._last.usage
        written = max(usage.out_visible, (self._max_tokens or 0) - usage.out_reasoning)
        usage = replace(usage, out_visible=written)
        return Done("length", usage, self._last.served_model, self._last.response_id)
