"""The chunks of a chat completion's answer (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from sidecar.providers.base import (
    Citation,
    Done,
    Event,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)
from sidecar.providers.kernel.errors import cut_off, declined, stream_failure
from sidecar.providers.kernel.events import read_object
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai_family.citations import citations, cited_pages
from sidecar.providers.openai_family.usage import chat_finish, chat_usage


class Splitter(Protocol):
    """Tells thinking from text where a model writes both into the same place."""

    def feed(self, text: str) -> Iterator[TextDelta | ThinkingDelta]: ...

    def finish(self) -> Iterator[TextDelta | ThinkingDelta]: ...


class ChatReader:
    """Reads the events of one chat completion. `ended` is set when nothing more is to come.

    Takes a whole completion too, from servers that do not stream. `read_usage` is given the usage and the
    service tier; `splitter` finds the thinking inside the text.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        read_usage: Callable[[Mapping[str, Any], Any], Usage | None] = chat_usage,
        splitter: Splitter | None = None,
    ) -> None:
        self.ended = False
        self._asked = asked
        self._read_usage = read_usage
        self._splitter = splitter
        self._begun = False
        self._produced = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._usage: Usage | None = None
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._citations: dict[str, Citation] = {}

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it, OutcomeUnknown for nonsense."""
        if event.data.strip() == "[DONE]":
            self.ended = True
            self._finish = self._finish or "stop"
            return
        chunk = read_object(event, self._asked)
        if _is_error(chunk, event.name):
            raise stream_failure(chunk, self._asked, produced=self._begun)
        self._model = as_text(chunk.get("model")) or self._model
        self._id = as_text(chunk.get("id")) or self._id
        self._tier = as_text(chunk.get("service_tier")) or self._tier
        for choice in as_list(chunk.get("choices")):
            yield from self._choice(as_mapping(choice))
        yield from self._cite(cited_pages(chunk.get("citations")))
        if isinstance(chunk.get("usage"), Mapping):
            usage = self._read_usage(chunk["usage"], self._tier)
            if usage is not None:
                self._usage = usage
                yield UsageSoFar(usage, self._model, self._id)

    def finish(self) -> Iterator[Event]:
        """The end of the stream: Done, or what was wrong with it."""
        if self._splitter is not None:
            yield from self._tell(self._splitter.finish())
        if self._refusal:
            raise declined("".join(self._refusal), self._asked)
        if self._finish is None:
            raise cut_off(self._asked)
        if self._finish == "content_filter" and not self._produced:
            raise declined("", self._asked)
        yield Done(self._finish, self._usage, self._model, self._id, tuple(self._citations.values()))

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        whole = choice.get("delta") is None
        delta = choice.get("message") if whole else choice["delta"]
        if isinstance(delta, Mapping):
            yield from self._tell(self._spoken(delta))
            if isinstance(delta.get("refusal"), str) and delta["refusal"]:
                self._refusal.append(delta["refusal"])
            yield from self._cite(citations(delta.get("annotations")))
        # An empty word is no reason: what ends after it may still have been cut off.
        if as_text(choice.get("finish_reason")):
            self._finish = chat_finish(choice["finish_reason"])
        elif whole and isinstance(delta, Mapping):
            self._finish = self._finish or "stop"

    def _spoken(self, delta: Mapping[str, Any]) -> Iterator[TextDelta | ThinkingDelta]:
        thought = _thought(delta.get("reasoning_content")) or _thought(delta.get("reasoning"))
        if thought:
            yield ThinkingDelta(thought)
        content = delta.get("content")
        for part in content if isinstance(content, list) else [{"text": content}]:
            if not isinstance(part, Mapping):
                continue
            if part.get("type") in ("thinking", "reasoning"):
                yield ThinkingDelta(_thought(part.get("thinking")) or _thought(part))
            elif self._splitter is not None:
                yield from self._splitter.feed(as_text(part.get("text")))
            else:
                yield TextDelta(as_text(part.get("text")))

    def _tell(self, spoken: Iterator[TextDelta | ThinkingDelta]) -> Iterator[Event]:
        for event in spoken:
            if event.text:
                self._begun = True
                self._produced = self._produced or isinstance(event, TextDelta)
                yield event

    def _cite(self, pages: Iterator[Citation]) -> Iterator[Event]:
        for page in pages:
            if page.url not in self._citations:
                self._citations[page.url] = page
                yield page


def _is_error(chunk: Mapping[str, Any], name: str | None) -> bool:
    if chunk.get("error"):
        return True
    if "choices" in chunk:
        return False
    return name == "error" or chunk.get("object") == "error" or bool({"detail", "message"} & chunk.keys())


def _thought(value: Any) -> str:
    """Thinking as text, as an object that holds text, or as a list of such objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_thought, value))
    if isinstance(value, Mapping):
        return as_text(value.get("text")) or as_text(value.get("content")) or as_text(value.get("summary"))
    return ""
