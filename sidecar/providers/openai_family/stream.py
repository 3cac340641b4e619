"""The chunks of a chat completion's answer (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, Protocol

from sidecar.providers.base import (
    ANSWER_UNTOLD,
    Begun,
    Event,
    TextDelta,
    TextWasThinking,
    ThinkingDelta,
    Usage,
    UsageSoFar,
)
from sidecar.providers.kernel.error_fields import tells_counts, tells_error
from sidecar.providers.kernel.errors import stream_failure
from sidecar.providers.kernel.events import (
    SILENCE_AFTER_MARK_SECONDS,
    SILENCE_BEFORE_USAGE_SECONDS,
    SILENCE_SECONDS,
    is_end_mark,
)
from sidecar.providers.kernel.json_values import as_price_word, as_text
from sidecar.providers.kernel.sse import END_NAMES, SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai_family.called_answer import CalledAnswer
from sidecar.providers.openai_family.choices import Choices
from sidecar.providers.openai_family.chunks import (
    as_chunk,
    finish_word,
    piece_of,
    plain_piece,
    spoken,
    tools_called,
)
from sidecar.providers.openai_family.new_text import NewText
from sidecar.providers.openai_family.reader import AnswerReader, citations, cited_pages
from sidecar.providers.openai_family.usage import chat_finish, chat_usage
from sidecar.providers.openai_family.usage_reports import UsageReports

Spoken = TextDelta | ThinkingDelta | TextWasThinking


class Splitter(Protocol):
    """Tells thinking from text where a model writes both into the same place."""

    def feed(self, text: str) -> Iterator[Spoken]: ...

    def finish(self) -> Iterator[Spoken]: ...


class ChatReader(AnswerReader):
    """Reads the events of one chat completion. `ended` is set when nothing more is to come.

    Takes a whole completion too, from servers that do not stream. `read_usage` is given the usage and the
    service tier; `splitter` finds the thinking inside the text. `may_be_called`: JSON was asked for, which may
    come as the arguments of a call.
    """

    def __init__(
        self,
        asked: Asked,
        *,
        read_usage: Callable[[Mapping[str, Any], Any], Usage | None] = chat_usage,
        splitter: Splitter | None = None,
        may_be_called: bool = False,
    ) -> None:
        super().__init__(asked)
        self._read_usage = read_usage
        self._splitter = splitter
        self._tier: str | None = None
        # Whether there was text behind the last usage: what is told before the answer's end is not its usage.
        self._uncounted = False
        self._reports = UsageReports()
        self._marked = False
        self._choices = Choices()
        self._called = CalledAnswer() if may_be_called else None
        self._text = NewText()
        self._thought = NewText()

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which the answer has ended; None while it has not come to its end."""
        if self._marked:
            return SILENCE_AFTER_MARK_SECONDS
        if self._finish is None:
            return None
        return SILENCE_BEFORE_USAGE_SECONDS if self._usage is None else SILENCE_SECONDS

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it; what cannot be read is left out."""
        if is_end_mark(event.data):
            # Before any word of the answer the mark is no end; before the usage there may be more to tell.
            self._marked = True
            self.ended = self._finish is not None and self._usage is not None
            return
        for value in self._pieces.objects(event):
            if event.name == "usage" and "usage" not in value:
                # An event of its own, as its name says.
                value = {"usage": value}
            # What most pieces are, by the shortest way: the whole way finds the same in them.
            whole_way = self._id is None or self._marked or event.name or not self._choices.is_plain
            plain = None if whole_way else plain_piece(value)
            if plain is None:
                yield from self._chunk(as_chunk(value), event.name)
                continue
            text, finish = plain
            self._names(value)
            if text:
                yield from self._tell(self._told(self._new_text(text)))
            if finish:
                self._finish = chat_finish(finish)
            if value.get("usage") is not None:
                yield from self._count(value)
        if event.name in END_NAMES:
            self._marked = True

    def _chunk(self, chunk: Mapping[str, Any], name: str | None) -> Iterator[Event]:
        if tells_error(chunk, name):
            yield from self._error(chunk)
            return
        begun = self._id is not None
        self._names(chunk)
        if not begun and self._id is not None:
            yield Begun(self._id, self._model, self._tier)
        # What comes behind the end is no part of the answer; its usage is.
        if not (self._marked and self._begun):
            for choice in self._choices.ours(chunk):
                yield from self._choice(choice)
            yield from self._cite(cited_pages(chunk.get("citations")))
            # A mark before the first word was none.
            self._marked = self._marked and not self._begun
        yield from self._count(chunk)

    def _names(self, chunk: Mapping[str, Any]) -> None:
        """Take what the chunk calls the answer, its model and its tier; most say what the one before said."""
        if (model := chunk.get("model")) != self._model:
            self._model = as_text(model) or self._model
        if (answer := chunk.get("id")) != self._id:
            self._id = as_text(answer) or self._id
        if (tier := chunk.get("service_tier")) != self._tier:
            self._tier = as_price_word(tier) or self._tier

    def _error(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        """An error behind a whole answer takes nothing of it back; else what was said before it is kept."""
        if self._finish is not None:
            return
        for choice in chain(self._choices.ours(chunk), self._choices.rest()):
            yield from self._choice(choice)
        # What an error tells of itself is all that there will be; what was told before it is not.
        counted = tells_counts(chunk)
        if self._begun or counted:
            yield from self._count(chunk, final=counted)
        raise stream_failure(chunk, self._asked, produced=self._begun and not counted)

    def _count(self, chunk: Mapping[str, Any], *, final: bool = False) -> Iterator[Event]:
        reported = self._reports.take(chunk)
        if reported is None:
            return
        usage = self._read_usage(reported, self._tier)
        self._uncounted = False
        before, self._usage = self._usage, usage
        same = usage == before and (not usage or not before or usage.doubt == before.doubt)
        if usage is not None and (final or not same):
            final = final or self._finish is not None
            yield UsageSoFar(usage, self._model, self._id, final=final)

    def finish(self) -> Iterator[Event]:
        """The end of the stream: Done, or what was wrong with it."""
        for choice in self._choices.rest():
            yield from self._choice(choice)
        yield from self._tell([ThinkingDelta(self._thought.finish())])
        yield from self._tell(self._told(self._text.finish()))
        if self._splitter is not None:
            yield from self._tell(self._splitter.finish())
        if self._called is not None and not self._produced:
            # The usage that was told counts it.
            yield from self._tell([TextDelta(self._called.text())])
        if self._finish is None and self._marked and (self._begun or not self._pieces.notes):
            # A mark behind nothing but pieces that nobody can read ends no answer.
            self._finish = "stop"
        if self._usage is not None and self._uncounted:
            self._usage = replace(self._usage, doubt=self._usage.doubt or ANSWER_UNTOLD)
        yield from super().finish()

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        delta, whole = piece_of(choice)
        if isinstance(delta, Mapping):
            yield from self._tell(self._spoken(delta, whole))
            self._tools |= dict.fromkeys(tools_called(delta))
            if self._called is not None:
                self._called.take(delta)
            if isinstance(delta.get("refusal"), str) and delta["refusal"]:
                self._refusal.append(delta["refusal"])
            yield from self._cite(citations(delta.get("annotations")))
        # An empty word is no reason: what ends after it may still have been cut off.
        word = finish_word(choice)
        if word:
            self._finish = chat_finish(word)
        elif whole and isinstance(delta, Mapping):
            self._finish = self._finish or "stop"

    def _spoken(self, message: Mapping[str, Any], whole: bool) -> Iterator[Spoken]:
        for event in spoken(message):
            if isinstance(event, TextDelta):
                yield from self._told(self._new_text(event.text, is_message=whole))
            else:
                thought = self._thought.take(event.text)
                self._uncounted = self._uncounted or bool(thought)
                yield ThinkingDelta(thought)

    def _new_text(self, text: str, *, is_message: bool = False) -> str:
        new = self._text.take(text, is_message=is_message)
        self._uncounted = self._uncounted or bool(new)
        return new

    def _told(self, text: str) -> Iterable[Spoken]:
        return (TextDelta(text),) if self._splitter is None else self._splitter.feed(text)

    def _tell(self, said: Iterable[Spoken]) -> Iterator[Event]:
        for event in said:
            if event.text:
                self._begun = True
                self._produced = self._produced or isinstance(event, TextDelta)
                yield event
