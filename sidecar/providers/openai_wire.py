"""Chat completions: the request body, and the chunks of the answer (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from sidecar.errors import Failure
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
from sidecar.providers.openai_usage import chat_finish, chat_usage
from sidecar.providers.outcome import SentButUnanswered
from sidecar.providers.refusal import words_of
from sidecar.providers.sse import SseEvent

JSON_REMINDER = "Answer in JSON."


def messages(request: ChatRequest, choices: Choices, dialect: Dialect) -> list[dict[str, str]]:
    """The instructions, then the conversation. Reasoning models take instructions from a `developer`."""
    reasons = "reasoning" in request.traits.features and not dialect.plain
    role = "developer" if reasons else "system"
    instructions = [text for text in (request.system, request.developer) if text]
    spoken = [*instructions, *(turn.text for turn in request.turns)]
    # The vendor refuses JSON mode when no message has the word in it.
    if choices.json_mode and not any("json" in text.lower() for text in spoken):
        instructions.append(JSON_REMINDER)
    if dialect.plain and instructions:
        instructions = ["\n\n".join(instructions)]
    return [{"role": role, "content": text} for text in instructions] + [
        {"role": turn.role, "content": turn.text} for turn in request.turns
    ]


def chat_body(request: ChatRequest, choices: Choices, dialect: Dialect) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages(request, choices, dialect),
        "stream": True,
    }
    if not dialect.plain:
        body["stream_options"] = {"include_usage": True, "include_obfuscation": False}
    elif dialect.usage_in_stream:
        body["stream_options"] = {"include_usage": True}
    if choices.max_output_tokens is not None:
        body["max_tokens" if dialect.plain else "max_completion_tokens"] = choices.max_output_tokens
    if choices.temperature is not None:
        body["temperature"] = choices.temperature
    if choices.effort is not None:
        body["reasoning_effort"] = choices.effort
    if choices.schema is not None:
        form = choices.schema
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": form.name, "schema": form.schema, "strict": form.strict},
        }
    elif choices.json_mode:
        body["response_format"] = {"type": "json_object"}
    return body


class ChatReader:
    """Reads the events of one chat completion. `ended` is set when nothing more is to come.

    Takes a whole completion too, from servers that do not stream.
    """

    def __init__(self, asked: Asked) -> None:
        self.ended = False
        self._asked = asked
        self._produced = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._usage: Usage | None = None
        self._model: str | None = None
        self._id: str | None = None
        self._tier: str | None = None
        self._citations: dict[str, Citation] = {}

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it, SentButUnanswered for nonsense."""
        if event.data.strip() == "[DONE]":
            self.ended = True
            self._finish = self._finish or "stop"
            return
        chunk = read_object(event, self._asked)
        if chunk.get("error"):
            raise stream_error(words_of(chunk), self._asked, produced=self._produced)
        self._model = _text(chunk.get("model")) or self._model
        self._id = _text(chunk.get("id")) or self._id
        self._tier = _text(chunk.get("service_tier")) or self._tier
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping):
                yield from self._choice(choice)
        if isinstance(chunk.get("usage"), Mapping):
            self._usage = chat_usage(chunk["usage"], self._tier)
            yield UsageSoFar(self._usage)

    def finish(self) -> Iterator[Event]:
        """The end of the stream: Done, or what was wrong with it."""
        if self._refusal:
            raise refused("".join(self._refusal), self._asked)
        if self._finish is None:
            raise cut_off(self._asked)
        if self._finish == "content_filter" and not self._produced:
            raise refused("", self._asked)
        yield Done(self._finish, self._usage, self._model, self._id, tuple(self._citations.values()))

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, Mapping):
            for thought in (delta.get("reasoning_content"), delta.get("reasoning")):
                if isinstance(thought, str) and thought:
                    yield ThinkingDelta(thought)
                    break
            text = _content(delta.get("content"))
            if text:
                self._produced = True
                yield TextDelta(text)
            if isinstance(delta.get("refusal"), str) and delta["refusal"]:
                self._refusal.append(delta["refusal"])
            for citation in citations(delta.get("annotations")):
                if citation.url not in self._citations:
                    self._citations[citation.url] = citation
                    yield citation
        if isinstance(choice.get("finish_reason"), str):
            self._finish = chat_finish(choice["finish_reason"])


def read_object(event: SseEvent, asked: Asked) -> Mapping[str, Any]:
    """The JSON object of an event. Raises SentButUnanswered when there is none."""
    try:
        value = orjson.loads(event.data)
    except ValueError:
        value = None
    if isinstance(value, Mapping):
        return value
    raise SentButUnanswered(
        "provider_unavailable",
        f"The {asked.title} API sent something that cannot be read. It may have charged for the request; try again.",
        provider=asked.provider,
        model=asked.model,
    )


def citations(annotations: Any) -> Iterator[Citation]:
    """The web pages among a message's annotations; both APIs have their own way to nest them."""
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, Mapping) or annotation.get("type") != "url_citation":
            continue
        inner = annotation.get("url_citation")
        page = inner if isinstance(inner, Mapping) else annotation
        if isinstance(page.get("url"), str):
            yield Citation(page["url"], _text(page.get("title")))


def refused(words: str, asked: Asked) -> Failure:
    return Failure(
        "content_filtered",
        f"{asked.model or 'The model'} declined to answer. Rephrase the request.",
        provider=asked.provider,
        model=asked.model,
        detail=words or None,
    )


def cut_off(asked: Asked) -> Failure:
    return SentButUnanswered(
        "provider_unavailable",
        f"The {asked.title} API ended its answer before it was complete. It may have charged for it; try again.",
        provider=asked.provider,
        model=asked.model,
    )


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "".join(_text(part.get("text")) for part in parts if isinstance(part, Mapping))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
