"""The Responses API: the request body, and the events of the answer (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.base import (
    ChatRequest,
    Citation,
    Done,
    Event,
    FinishReason,
    TextDelta,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)
from sidecar.providers.openai_errors import Asked, stream_error
from sidecar.providers.openai_options import Choices, Dialect
from sidecar.providers.openai_usage import billable_searches, incomplete_finish, responses_usage
from sidecar.providers.openai_wire import citations, cut_off, messages, read_object, refused
from sidecar.providers.refusal import words_of
from sidecar.providers.sse import SseEvent

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


def responses_body(request: ChatRequest, choices: Choices, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        # Everything goes into the input: the word "json" in `instructions` does not count for JSON mode.
        "input": messages(request, choices, dialect),
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        # The vendor's default keeps every answer for a month.
        "store": False,
    }
    if choices.max_output_tokens is not None:
        body["max_output_tokens"] = choices.max_output_tokens
    if choices.temperature is not None:
        body["temperature"] = choices.temperature
    reasoning: dict[str, str] = {}
    if choices.effort is not None:
        reasoning["effort"] = choices.effort
    if choices.summaries:
        reasoning["summary"] = "auto"
    if reasoning:
        body["reasoning"] = reasoning
    if choices.search_max_uses is not None:
        body["tools"] = [{"type": "web_search"}]
        body["max_tool_calls"] = choices.search_max_uses
    if choices.schema is not None:
        form = choices.schema
        body["text"] = {
            "format": {"type": "json_schema", "name": form.name, "schema": form.schema, "strict": form.strict}
        }
    elif choices.json_mode:
        body["text"] = {"format": {"type": "json_object"}}
    return body


class ResponsesReader:
    """Reads the events of one response. `ended` is set when nothing more is to come.

    Takes a whole response too, from servers that do not stream.
    """

    def __init__(self, asked: Asked) -> None:
        self.ended = False
        self._asked = asked
        self._produced = False
        self._thought = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._usage: Usage | None = None
        self._model: str | None = None
        self._id: str | None = None
        self._citations: dict[str, Citation] = {}

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it, SentButUnanswered for nonsense."""
        if event.data.strip() == "[DONE]":
            return
        value = read_object(event, self._asked)
        kind = value.get("type") or event.name or ""
        if value.get("object") == "response":
            yield from self._terminal(value)
        elif kind in _TERMINAL:
            yield from self._terminal(_mapping(value.get("response")))
        elif kind == "error" or (value.get("error") and "response" not in value):
            raise stream_error(words_of(value), self._asked, produced=self._produced)
        elif kind in ("response.created", "response.in_progress"):
            self._identify(_mapping(value.get("response")))
        else:
            yield from self._delta(kind, value)

    def finish(self) -> Iterator[Event]:
        """The end of the stream: Done, or what was wrong with it."""
        if self._refusal:
            raise refused("".join(self._refusal), self._asked)
        if self._finish is None:
            raise cut_off(self._asked)
        if self._finish == "content_filter" and not self._produced:
            raise refused("", self._asked)
        yield Done(self._finish, self._usage, self._model, self._id, tuple(self._citations.values()))

    def _delta(self, kind: str, value: Mapping[str, Any]) -> Iterator[Event]:
        piece = value.get("delta")
        text = piece if isinstance(piece, str) else ""
        if kind == "response.output_text.delta" and text:
            self._produced = True
            yield TextDelta(text)
        elif kind == "response.refusal.delta" and text:
            self._refusal.append(text)
        elif kind == "response.reasoning_summary_text.delta" and text:
            self._thought = True
            yield ThinkingDelta(text)
        elif kind == "response.reasoning_summary_part.added" and self._thought:
            yield ThinkingDelta("\n\n")
        elif kind == "response.output_text.annotation.added":
            yield from self._cite([value.get("annotation")])

    def _terminal(self, response: Mapping[str, Any]) -> Iterator[Event]:
        """The whole response. Its usage is told before anything that it says went wrong."""
        self.ended = True
        self._identify(response)
        if isinstance(response.get("usage"), Mapping):
            self._usage = responses_usage(
                response["usage"], billable_searches(response), response.get("service_tier")
            )
            yield UsageSoFar(self._usage)
        status = response.get("status")
        if status in ("failed", "cancelled"):
            known = self._usage is not None
            raise stream_error(words_of(response), self._asked, produced=self._produced and not known)
        yield from self._leftovers(response)
        self._finish = (
            incomplete_finish(response.get("incomplete_details")) if status == "incomplete" else "stop"
        )

    def _leftovers(self, response: Mapping[str, Any]) -> Iterator[Event]:
        """What the whole response holds and no delta brought."""
        streamed = self._produced
        refusals: list[str] = []
        for item in _list(response.get("output")):
            for part in _list(_mapping(item).get("content")):
                part = _mapping(part)
                if part.get("type") == "output_text":
                    text = part.get("text")
                    if isinstance(text, str) and text and not streamed:
                        self._produced = True
                        yield TextDelta(text)
                    yield from self._cite(part.get("annotations"))
                elif part.get("type") == "refusal":
                    refusals.append(str(part.get("refusal") or ""))
        if not self._refusal:
            self._refusal = [text for text in refusals if text]

    def _cite(self, annotations: Any) -> Iterator[Event]:
        for citation in citations(annotations):
            if citation.url not in self._citations:
                self._citations[citation.url] = citation
                yield citation

    def _identify(self, response: Mapping[str, Any]) -> None:
        for value, name in ((response.get("model"), "_model"), (response.get("id"), "_id")):
            if isinstance(value, str) and value:
                setattr(self, name, value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
