"""The chunks of a Gemini answer, over all the requests that it takes, as events (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import (
    ANSWER_UNTOLD,
    Begun,
    Citation,
    Done,
    Event,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)
from sidecar.providers.gemini.usage import CONTINUATION, Searches, finish_reason, part_usage
from sidecar.providers.kernel.errors import declined, stopped_without_answer, stream_failure
from sidecar.providers.kernel.events import SILENCE_SECONDS, Pieces
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.kernel.said_otherwise import without_envelope
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.token_counts import added, grown
from sidecar.providers.kernel.vendor import Asked

# What a piece of an answer has at least one of.
_PIECE = frozenset({"candidates", "usageMetadata", "promptFeedback", "error"})


class GeminiReader:
    """Reads the events of one answer. Between two requests that make it up, `next_token` is called.

    Takes a whole answer too, and a list of chunks, from servers that do not stream.
    """

    # Only the end of its connection ends a request: an error, or the usage, may stand behind the last word.
    ended = False

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._produced = False
        self._usage: Usage | None = None
        self._model: str | None = None
        self._id: str | None = None
        self._citations: dict[str, Citation] = {}
        self._blocked = ""
        self._before: Usage | None = None
        self._told_before = True
        self._pieces = Pieces()
        self._start_part()

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which the request has ended; None while it has not come to its end."""
        return SILENCE_SECONDS if self._finish and self._reported else None

    def _start_part(self) -> None:
        self._reported: dict[str, Any] = {}
        self._searches = Searches()
        self._finish = ""
        self._token = ""
        # Whether something was said of which no report tells.
        self._uncounted = False

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it; what cannot be read is left out."""
        for chunk in self._pieces.objects(event):
            yield from self.take(chunk, event.name)

    def take(self, chunk: Mapping[str, Any], name: str | None = None) -> Iterator[Event]:
        """What one chunk says, an event called `name`, or a whole answer. Raises Failure for an error in it."""
        if _PIECE.isdisjoint(chunk):
            # Some of Google's own services, and gateways, put each piece into an envelope.
            chunk = next(
                (inside for each in _PIECE if each in (inside := without_envelope(chunk, each))), chunk
            )
        # An error behind a complete answer takes nothing of it back.
        if (chunk.get("error") or name == "error") and not self._finish:
            begun = self._produced or self._usage is not None
            raise stream_failure(chunk, self._asked, produced=begun)
        yield from self._chunk(chunk)

    @property
    def usage(self) -> Usage | None:
        """What was told so far of all the requests."""
        return self._usage

    @property
    def told(self) -> bool:
        """Whether the usage of every request is told."""
        return self._told_before and bool(self._reported)

    @property
    def goes_on(self) -> bool:
        """Whether the answer stopped only to be continued."""
        return self._finish == CONTINUATION and bool(self._token)

    def next_token(self) -> str | None:
        """What to go on with when the answer stopped only to be continued; None when it has ended."""
        if not self.goes_on:
            return None
        token = self._token
        self._before, self._told_before = self._counted(), self.told
        self._start_part()
        return token

    def finish(self) -> Iterator[Event]:
        """The end of the stream: Done, or what was wrong with it."""
        if self._blocked and not self._produced:
            raise Failure(
                "content_filtered",
                f"{self._asked.title} blocked this request by its content rules. Rephrase the request.",
                provider=self._asked.provider,
                model=self._asked.model,
                detail=self._blocked,
            )
        if not self._finish and not self._blocked:
            raise self._pieces.cut(self._asked)
        reason = finish_reason(self._finish) if self._finish else "content_filter"
        if reason == "content_filter" and not self._produced:
            raise declined(self._finish, self._asked)
        if reason == "error" and not self._produced:
            raise stopped_without_answer(self._finish, self._asked)
        yield Done(
            reason,
            self._counted(),
            self._model,
            self._id,
            tuple(self._citations.values()),
            self._pieces.notes,
        )

    def _counted(self) -> Usage | None:
        """The usage, in doubt where the last of what was said is in no report."""
        usage = self._usage
        return replace(usage, doubt=usage.doubt or ANSWER_UNTOLD) if usage and self._uncounted else usage

    def _chunk(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        self._model = as_text(chunk.get("modelVersion")) or self._model
        if self._id is None and as_text(chunk.get("responseId")):
            yield Begun(as_text(chunk["responseId"]), self._model)
        self._id = as_text(chunk.get("responseId")) or self._id
        self._blocked = _word(as_mapping(chunk.get("promptFeedback")).get("blockReason")) or self._blocked
        candidate = as_mapping(next(iter(as_list(chunk.get("candidates"))), None))
        parts = as_list(as_mapping(candidate.get("content")).get("parts"))
        spoken = [piece for part in parts for piece in self._part(as_mapping(part))]
        yield from spoken
        self._finish = _word(candidate.get("finishReason")) or self._finish
        self._token = as_text(candidate.get("continuationToken")) or self._token
        grounding = as_mapping(candidate.get("groundingMetadata"))
        yield from self._cite(grounding)
        self._searches.take(grounding)
        # Each report is of the whole request so far: counts only grow, and what it does not repeat still counts.
        report = as_mapping(chunk.get("usageMetadata"))
        self._uncounted = not report and (self._uncounted or bool(spoken))
        self._reported = grown(self._reported, report)
        if self._reported:
            model = self._model or self._asked.model or ""
            searches, wrong = self._searches.billable(model), self._searches.wrong(model)
            usage = added(self._before, part_usage(self._reported, searches, wrong))
            if usage is not None and usage != self._usage:
                self._usage = usage
                ended = bool(self._blocked or self._finish) and self._finish != CONTINUATION
                yield UsageSoFar(usage, self._model, self._id, final=ended)

    def _part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        text = as_text(part.get("text"))
        if not text:
            return
        if part.get("thought") is True:
            yield ThinkingDelta(text)
        else:
            self._produced = True
            yield TextDelta(text)

    def _cite(self, grounding: Mapping[str, Any]) -> Iterator[Event]:
        for page in as_list(grounding.get("groundingChunks")):
            web = as_mapping(as_mapping(page).get("web"))
            url = as_text(web.get("uri"))
            if url and url not in self._citations:
                self._citations[url] = Citation(url, as_text(web.get("title")))
                yield self._citations[url]


def _word(value: Any) -> str:
    """A word of an enumeration; the one that stands for none is none."""
    word = as_text(value)
    return "" if word.endswith("_UNSPECIFIED") else word
