"""One answer over HTTP: put the question, see whether an answer begins or a refusal does, and read what comes.

A question that is refused for its form is put in another one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Done, Event, PreparedCall
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.error_fields import tells_counts, tells_error
from sidecar.providers.kernel.errors import opening_refusal, web_page
from sidecar.providers.kernel.events import Pieces, Reader, ending, events_of, is_end_mark
from sidecar.providers.kernel.json_values import (
    as_list,
    as_mapping,
    as_text,
)
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.pacer import FurtherRequest, RequestPacer
from sidecar.providers.kernel.read_ahead import ReadAhead
from sidecar.providers.kernel.refused_forms import Another, Attempt, RefusedForms
from sidecar.providers.kernel.sse import SseEvent, SseParser
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.kernel.web_pages import is_page, without_comments

# What comes before the first word and says nothing of whether one will come.
_PREFACES = frozenset({"ping", "response.created", "response.queued", "response.in_progress"})
_LONGEST_HEAD = 256


class Opening:
    """Looks by `parser` at the bytes of an answer until it knows. `refusal` is then what it refused, if it did.

    `status` is the one that such a refusal comes with elsewhere, None where it has none.
    """

    def __init__(self, asked: Asked, headers: Mapping[str, str], now_ms: int, parser: ReadAhead) -> None:
        self.refusal: Failure | None = None
        self.status: int | None = None
        self._asked = asked
        self._headers = headers
        self._now_ms = now_ms
        self._parser = parser
        self._pieces = Pieces()
        self._head = b""

    def feed(self, chunk: bytes) -> bool:
        """Whether it is decided."""
        if len(self._head) < _LONGEST_HEAD:
            self._head += chunk[:_LONGEST_HEAD]
            head = without_comments(self._head)
            # With no more than a comment it is not known yet.
            if len(self._head) >= _LONGEST_HEAD if head is None else is_page(head):
                self.refusal = web_page(self._asked)
                return True
        try:
            return self._decide(self._parser.look(chunk))
        except Failure:
            # Too large for a piece: that is for the reader to say.
            return True

    def finish(self) -> None:
        """The answer has ended before it was decided."""
        if not self._decide(self._parser.look_at_end()) and is_page(self._head):
            self.refusal = web_page(self._asked)

    def _decide(self, events: list[SseEvent]) -> bool:
        for event in events:
            if is_end_mark(event.data):
                return True
            for value in self._pieces.objects(event):
                # An error that tells what was used is the end of an answer that was paid for.
                if tells_error(value, event.name) and not tells_counts(value):
                    self.refusal, self.status = opening_refusal(
                        value, self._headers, self._asked, self._now_ms
                    )
                    return True
                if not _says_nothing(value, event.name):
                    return True
        return False


def _says_nothing(value: Mapping[str, Any], name: str | None) -> bool:
    """Whether it is only a preface: nothing in it was made by a model."""
    if not value or (as_text(value.get("type")) or name) in _PREFACES:
        return True
    choices = as_list(value.get("choices"))
    if not choices or value.get("usage"):
        return False
    return all(_is_empty(as_mapping(choice)) for choice in choices)


def _is_empty(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta")
    if not isinstance(delta, Mapping) or choice.get("finish_reason"):
        return False
    return not any(value for name, value in delta.items() if name != "role")


class AnswerExchange:
    """An answer that takes one request or several. `refused` gives a refused question its other forms, or `another`.

    `taken` is the form in which it was last taken. An answer whose `plan` limits it and that is asked for without a
    limit is reserved for by the `pacer` before.
    """

    def __init__(
        self,
        api: VendorClient,
        asked: Asked,
        reader: Reader,
        plan: PreparedCall,
        refused: RefusedForms,
        *,
        another: Another | None = None,
        pacer: RequestPacer | None = None,
    ) -> None:
        self._api = api
        self._asked = asked
        self._reader = reader
        self._plan = plan
        self._another = another or refused.another
        self._limit_in = refused.limit_in
        self._pacer = pacer
        # What has looked at the beginning of the answer reads on.
        self._parser = ReadAhead(SseParser())
        self.taken: Attempt | None = None
        self._notes: dict[str, None] = {}

    async def request(self, attempt: Attempt) -> AsyncGenerator[Event, None]:
        """Yield what comes of one request. Closing the iterator closes the connection.

        Raises Failure when nothing was run, OutcomeUnknown when something may have been.
        """
        tried = [attempt]
        while True:
            await self._reserve_unlimited(attempt)
            accepted = False
            try:
                async with self._api.stream(
                    "POST",
                    attempt.url,
                    self._asked,
                    attempt.body,
                    headers=self._plan.headers,
                    pacer=self._pacer,
                    read_opening=self._opening,
                ) as answer:
                    accepted, self.taken = True, attempt
                    self._notes |= dict.fromkeys(attempt.notes)
                    async with aclosing(events_of(answer, self._parser, self._reader)) as events:
                        async for event in events:
                            yield event
                return
            except Failure as failure:
                self._asked.named(failure)
                refused = not accepted and not isinstance(failure, OutcomeUnknown)
                following = self._another(attempt, failure) if refused else None
                # A form that was refused already is refused again.
                if following is None or following in tried:
                    raise
                attempt = following
                tried.append(attempt)

    def _opening(self, headers: Mapping[str, str]) -> Opening:
        self._parser = ReadAhead(SseParser())
        return Opening(self._asked, headers, self._api.now_ms(), self._parser)

    async def may_go_on(self, further: FurtherRequest) -> bool:
        """Hold back what a continuation may cost; False, and said in the notes, where the budget does not allow it.

        Raises Failure where that cannot be written down.
        """
        if self._pacer is None:
            return True
        try:
            await self._pacer.reserve(further)
        except Failure as refused:
            if refused.kind != "budget_exceeded":
                raise
            self.say(f"The answer is not whole. {refused.message}")
            return False
        return True

    def say(self, sentence: str) -> None:
        """Tell the person this at the end of the answer, once."""
        self._notes[sentence] = None

    async def _reserve_unlimited(self, attempt: Attempt) -> None:
        """Hold back what an answer may cost that nothing limits any more. Raises Failure("budget_exceeded")."""
        limited = self._plan.max_output_tokens is not None
        if limited and self._pacer is not None and self._limit_in(attempt.body) is None:
            await self._pacer.reserve(FurtherRequest("unlimited"))

    def ending(self) -> Iterator[Event]:
        """Yield the end of the answer, with what was left out of the question; or raise what was wrong with it."""
        try:
            for event in ending(self._reader):
                yield replace(event, notes=(*self._notes, *event.notes)) if isinstance(event, Done) else event
        except Failure as failure:
            self._asked.named(failure)
            raise


async def exchange(
    api: VendorClient,
    url: str,
    plan: PreparedCall,
    asked: Asked,
    reader: Reader,
    refused: RefusedForms,
    *,
    another: Another | None = None,
    pacer: RequestPacer | None = None,
) -> AsyncGenerator[Event, None]:
    """Send the question, without what its model refuses, and yield events until Done. Closing ends the connection.

    Raises Failure when nothing was run, OutcomeUnknown when something may have been.
    """
    attempt = refused.known(Attempt(url, plan.body, asked.model or "", plan.asked))
    made = AnswerExchange(api, asked, reader, plan, refused, another=another, pacer=pacer)
    async with aclosing(made.request(attempt)) as events:
        async for event in events:
            yield event
    for event in made.ending():
        yield event
