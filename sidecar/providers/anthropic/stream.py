"""The events of an Anthropic answer, over as many requests as its turn takes (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.anthropic.blocks import Block
from sidecar.providers.anthropic.errors import why_declined
from sidecar.providers.anthropic.usage import (
    contradiction,
    finish_reason,
    free_of_charge,
    merged_counts,
    message_usage,
)
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
from sidecar.providers.kernel.errors import declined, stream_failure
from sidecar.providers.kernel.events import SILENCE_SECONDS, Pieces
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.said_otherwise import without_envelope
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.token_counts import added
from sidecar.providers.kernel.vendor import Asked


class MessageReader:
    """Reads the events of one turn. `ended` is set when nothing more is to come of the request that runs.

    `hour`: the request asked for a cache of an hour. Takes a whole message too, from servers that do not
    stream. A turn that the vendor `paused` is sent back with `content` and read on after `resume`, as long as it is
    `resumable`.
    """

    def __init__(self, asked: Asked, *, hour: bool = False) -> None:
        self.ended = False
        self.resumable = True
        self.usage: Usage | None = None
        self._asked = asked
        self._hour = hour
        self._before: Usage | None = None
        self._counts: dict[str, Any] = {}
        self._wrong = ""
        self._output_told = False
        self._told_before = True
        self._said: list[dict[str, Any]] = []
        self._blocks: dict[int, Block] = {}
        self._stop: str | None = None
        self._stop_details: Mapping[str, Any] = {}
        self._spoke = False
        self._thought = False
        self._model: str | None = None
        self._id: str | None = None
        self._citations: dict[str, Citation] = {}
        self._found: dict[str, Citation] = {}
        self._pieces = Pieces()

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which the request has ended; None while it has not come to its end."""
        return None if self._stop is None else SILENCE_SECONDS

    @property
    def paused(self) -> bool:
        """Whether the vendor wants to be asked to go on."""
        return self._stop == "pause_turn"

    @property
    def told(self) -> bool:
        """Whether the usage of every request is told in full."""
        return self._told_before and self._output_told

    def content(self) -> list[dict[str, Any]]:
        """All that the turn has said so far, as it must be sent back."""
        said = [block.wire() for _, block in sorted(self._blocks.items())]
        return [*self._said, *(block for block in said if block is not None)]

    def resume(self) -> None:
        """What comes next belongs to another request, billed for itself."""
        self._said = self.content()
        self._before, self._counts = self.usage, {}
        self._told_before, self._wrong, self._output_told = self.told, "", False
        self._blocks, self._stop, self.ended = {}, None, False

    def pause_again(self) -> bool:
        """The request that was to go on was refused: the turn is where it was. False where something came of it."""
        if self._blocks or self._counts:
            return False
        self._stop, self.resumable = "pause_turn", False
        return True

    def read(self, event: SseEvent) -> Iterator[Event]:
        """What this event says. Raises Failure for an error in it; what cannot be read is left out."""
        for value in self._pieces.objects(event):
            yield from self.take(value, event.name)

    def take(self, value: Mapping[str, Any], name: str | None = None) -> Iterator[Event]:
        """What this object says: an event called `name`, or a whole message. Raises as `read` does."""
        if "type" not in value:
            value = without_envelope(value, "type")
        kind = value.get("type") or name
        if kind == "error" or (kind is None and value.get("error")):
            # An error behind a complete answer takes nothing of it back.
            if self._stop is not None and not self.paused:
                return
            raise _billed(stream_failure(value, self._asked, produced=bool(self._blocks or self._said)))
        if kind == "message":
            yield from self._whole(value)
        elif kind == "message_start":
            message = as_mapping(value.get("message"))
            known = self._id
            self._identify(message)
            if self._id is not None and known is None:
                yield Begun(self._id, self._model)
            yield from self._count(message.get("usage"), begins=True)
        elif kind == "content_block_start":
            yield from self._start(_index(value), as_mapping(value.get("content_block")))
        elif kind == "content_block_delta":
            yield from self._delta(_index(value), as_mapping(value.get("delta")))
        elif kind == "message_delta":
            self._end(as_mapping(value.get("delta")))
            yield from self._count(value.get("usage"))
        elif kind == "message_stop":
            self.ended = True
            if self._counts and not self._output_told:
                # Nobody has said how long the answer is: the count of its beginning is not that of its end.
                yield from self._count({})

    def finish(self) -> Iterator[Event]:
        """The end of the turn: Done, or what was wrong with it."""
        if self._stop is None and not self.ended:
            raise self._pieces.cut(self._asked)
        if self._stop == "refusal" and not self._spoke:
            if not self.content() and self.usage is not None:
                self.usage = free_of_charge(self.usage)
                yield UsageSoFar(self.usage, self._model, self._id, final=True)
            raise declined(why_declined(self._stop_details), self._asked)
        cited = self._citations or self._found
        reason = finish_reason(self._stop or "end_turn")
        yield Done(reason, self.usage, self._model, self._id, tuple(cited.values()), self._pieces.notes)

    def _start(self, index: int, given: Mapping[str, Any]) -> Iterator[Event]:
        self._blocks[index] = block = Block(given)
        if block.kind == "thinking" and self._thought:
            yield ThinkingDelta("\n\n")
        for citation in block.pages():
            self._found.setdefault(citation.url, citation)
        for citation in block.citations():
            yield from self._cite(citation)
        yield from self._speak(block.text, block.thinking)

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Event]:
        block = self._blocks.setdefault(index, Block({"type": "text", "text": ""}))
        piece = block.add(delta)
        if piece.citation is not None:
            yield from self._cite(piece.citation)
        yield from self._speak(piece.text, piece.thinking)

    def _speak(self, text: str, thinking: str) -> Iterator[Event]:
        if thinking:
            self._thought = True
            yield ThinkingDelta(thinking)
        if text:
            self._spoke = True
            yield TextDelta(text)

    def _cite(self, citation: Citation) -> Iterator[Event]:
        if citation.url not in self._citations:
            self._citations[citation.url] = citation
            yield citation

    def _count(self, counts: Any, *, begins: bool = False) -> Iterator[Event]:
        """What the usage is by now. The output that is told when a message `begins` is not that of the message."""
        report = as_mapping(counts)
        self._output_told = self._output_told or (not begins and report.get("output_tokens") is not None)
        self._wrong = self._wrong or contradiction(report)
        self._counts = merged_counts(self._counts, report)
        if self._counts:
            ended = self._stop is not None or self.ended
            wrong = self._wrong or ("" if self._output_told or not ended else ANSWER_UNTOLD)
            searched = sum(block.found for block in self._blocks.values())
            usage = message_usage(self._counts, hour=self._hour, wrong=wrong, searched=searched)
            self.usage = added(self._before, usage)
            final = ended and not self.paused and self._output_told
            yield UsageSoFar(self.usage, self._model, self._id, final=final)

    def _whole(self, message: Mapping[str, Any]) -> Iterator[Event]:
        self._identify(message)
        for index, block in enumerate(as_list(message.get("content"))):
            yield from self._start(index, as_mapping(block))
        self._end(message)
        yield from self._count(message.get("usage"))
        self.ended = True

    def _end(self, delta: Mapping[str, Any]) -> None:
        stop = delta.get("stop_reason")
        self._stop = stop if isinstance(stop, str) else self._stop
        self._stop_details = as_mapping(delta.get("stop_details"))

    def _identify(self, message: Mapping[str, Any]) -> None:
        self._model = as_text(message.get("model")) or self._model
        self._id = as_text(message.get("id")) or self._id


def _billed(failure: Failure) -> Failure:
    """The vendor says that it bills what was written before an error of its own."""
    if isinstance(failure, OutcomeUnknown):
        failure.vendors_fault = False
    return failure


def _index(value: Mapping[str, Any]) -> int:
    index = value.get("index")
    return index if isinstance(index, int) else 0
