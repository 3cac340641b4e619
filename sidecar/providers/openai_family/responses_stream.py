"""The events of an answer of the Responses API (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sidecar.providers.base import (
    Begun,
    Event,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)
from sidecar.providers.kernel.errors import stream_failure
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_price_word, as_text
from sidecar.providers.kernel.said_otherwise import without_envelope
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai_family.reader import AnswerReader, citations, cited_pages
from sidecar.providers.openai_family.usage import incomplete_finish, responses_usage

_THINKING = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesReader(AnswerReader):
    """Reads the events of one response. `ended` is set when nothing more is to come.

    Takes a whole response too, from servers that do not stream. `read_usage` is given the whole response.
    """

    def __init__(
        self, asked: Asked, *, read_usage: Callable[[Mapping[str, Any]], Usage | None] = responses_usage
    ) -> None:
        super().__init__(asked)
        self._read_usage = read_usage
        self._thought = False

    @property
    def patience(self) -> float | None:
        """None: its last event says that it is the last."""
        return None

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it; what cannot be read is left out."""
        for value in self._pieces.objects(event):
            yield from self.take(value, event.name)

    def take(self, value: Mapping[str, Any], name: str | None = None) -> Iterator[Event]:
        """What this object says: an event called `name`, or a whole response. Raises as `read` does."""
        if "type" not in value and value.get("object") != "response" and name is None:
            value = without_envelope(without_envelope(value, "type"), "object", "status")
        kind = as_text(value.get("type")) or name or ""
        if value.get("object") == "response":
            yield from self._terminal(value)
        elif kind in _TERMINAL:
            yield from self._terminal(as_mapping(value.get("response")))
        elif kind == "error" or (value.get("error") and "response" not in value):
            raise stream_failure(value, self._asked, produced=self._produced or self._thought)
        elif kind in ("response.created", "response.in_progress"):
            known = self._id
            response = as_mapping(value.get("response"))
            self._identify(response)
            if self._id is not None and known is None:
                yield Begun(self._id, self._model, as_price_word(response.get("service_tier")) or None)
        else:
            yield from self._delta(kind, value)

    def _delta(self, kind: str, value: Mapping[str, Any]) -> Iterator[Event]:
        text = as_text(value.get("delta"))
        if kind == "response.output_text.delta" and text:
            self._produced = True
            yield TextDelta(text)
        elif kind == "response.refusal.delta" and text:
            self._refusal.append(text)
        elif kind in _THINKING and text:
            self._thought = True
            yield ThinkingDelta(text)
        elif kind == "response.reasoning_summary_part.added" and self._thought:
            yield ThinkingDelta("\n\n")
        elif kind == "response.output_text.annotation.added":
            yield from self._cite(citations([value.get("annotation")]))

    def _terminal(self, response: Mapping[str, Any]) -> Iterator[Event]:
        """The whole response. Its usage is told before anything that it says went wrong."""
        self.ended = True
        self._identify(response)
        self._usage = self._read_usage(response)
        if self._usage is not None:
            yield UsageSoFar(self._usage, self._model, self._id, final=True)
        status = response.get("status")
        if status in ("failed", "cancelled"):
            known = self._usage is not None
            raise stream_failure(response, self._asked, produced=self._produced and not known)
        yield from self._leftovers(response)
        self._finish = (
            incomplete_finish(response.get("incomplete_details")) if status == "incomplete" else "stop"
        )

    def _leftovers(self, response: Mapping[str, Any]) -> Iterator[Event]:
        """What the whole response holds and no delta brought."""
        streamed, thought = self._produced, self._thought
        refusals: list[str] = []
        for item in as_list(response.get("output")):
            for summary in () if thought else as_list(as_mapping(item).get("summary")):
                text = as_text(as_mapping(summary).get("text"))
                if text:
                    yield ThinkingDelta(f"\n\n{text}" if self._thought else text)
                    self._thought = True
            for part in as_list(as_mapping(item).get("content")):
                part = as_mapping(part)
                if part.get("type") == "output_text":
                    text = as_text(part.get("text"))
                    if text and not streamed:
                        self._produced = True
                        yield TextDelta(text)
                    yield from self._cite(citations(part.get("annotations")))
                elif part.get("type") == "refusal":
                    refusals.append(str(part.get("refusal") or ""))
        if not self._refusal:
            self._refusal = [text for text in refusals if text]
        yield from self._cite(cited_pages(response.get("citations")))
