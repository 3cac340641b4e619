"""Chat completions: the request body, and the chunks of the answer (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

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
from sidecar.providers.kernel.errors import words_of
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.openai_family.errors import Asked, stream_error
from sidecar.providers.openai_family.options import Choices, Dialect
from sidecar.providers.openai_family.usage import chat_finish, chat_usage

JSON_REMINDER = "Answer in JSON."


def messages(request: ChatRequest, choices: Choices, dialect: Dialect) -> list[dict[str, str]]:
    """The instructions, then the conversation. Reasoning models take instructions from a `developer`."""
    reasons = "reasoning" in request.traits.features
    role = "developer" if reasons and dialect.developer_role else "system"
    instructions = [text for text in (request.system, request.developer, choices.instruction) if text]
    spoken = [*instructions, *(turn.text for turn in request.turns)]
    # The vendor refuses JSON mode when no message has the word in it.
    if choices.json_mode and not any("json" in text.lower() for text in spoken):
        instructions.append(JSON_REMINDER)
    if not dialect.developer_role and instructions:
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
    if dialect.chat_stream_options is not None:
        body["stream_options"] = dict(dialect.chat_stream_options)
    if choices.max_output_tokens is not None:
        body[dialect.limit_field] = choices.max_output_tokens
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
            raise stream_error(words_of(chunk), self._asked, produced=self._begun)
        self._model = _text(chunk.get("model")) or self._model
        self._id = _text(chunk.get("id")) or self._id
        self._tier = _text(chunk.get("service_tier")) or self._tier
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, Mapping):
                yield from self._choice(choice)
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
            raise refused("".join(self._refusal), self._asked)
        if self._finish is None:
            raise cut_off(self._asked)
        if self._finish == "content_filter" and not self._produced:
            raise refused("", self._asked)
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
        if _text(choice.get("finish_reason")):
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
                yield from self._splitter.feed(_text(part.get("text")))
            else:
                yield TextDelta(_text(part.get("text")))

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


def read_object(event: SseEvent, asked: Asked) -> Mapping[str, Any]:
    """The JSON object of an event. Raises OutcomeUnknown when there is none."""
    try:
        value = orjson.loads(event.data)
    except ValueError:
        value = None
    if isinstance(value, Mapping):
        return value
    raise OutcomeUnknown(
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


def cited_pages(listed: Any) -> Iterator[Citation]:
    """The web pages of a bare list of addresses, beside the text instead of inside it."""
    for page in listed if isinstance(listed, list) else ():
        if isinstance(page, str) and page:
            yield Citation(page)
        elif isinstance(page, Mapping) and isinstance(page.get("url"), str):
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
    return OutcomeUnknown(
        "provider_unavailable",
        f"The {asked.title} API ended its answer before it was complete. It may have charged for it; try again.",
        provider=asked.provider,
        model=asked.model,
    )


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
        return _text(value.get("text")) or _text(value.get("content")) or _text(value.get("summary"))
    return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
