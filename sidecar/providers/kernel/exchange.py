"""One answer over HTTP: put the question, in another form where it is refused for its form, and read what comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace

from sidecar.errors import Failure
from sidecar.providers.base import Done, Event
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.events import Reader, ending, events_of
from sidecar.providers.kernel.limits import RequestPacer
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.second_attempts import Another, Attempt
from sidecar.providers.kernel.sse import SseParser
from sidecar.providers.kernel.vendor import Asked


class AnswerExchange:
    """An answer that takes one request or several. `another` gives a refused question its other forms.

    `taken` is the form in which it was last taken.
    """

    def __init__(
        self,
        api: VendorClient,
        asked: Asked,
        reader: Reader,
        headers: Mapping[str, str],
        *,
        another: Another,
        pacer: RequestPacer | None = None,
    ) -> None:
        self._api = api
        self._asked = asked
        self._reader = reader
        self._headers = headers
        self._another = another
        self._pacer = pacer
        self.taken: Attempt | None = None
        self._notes: dict[str, None] = {}

    async def request(self, attempt: Attempt) -> AsyncGenerator[Event, None]:
        """Yield what comes of one request. Closing the iterator closes the connection.

        Raises Failure when nothing was run, OutcomeUnknown when something may have been.
        """
        tried = [attempt]
        while True:
            accepted = False
            try:
                async with self._api.answer(
                    attempt.url, self._asked, attempt.body, headers=self._headers, pacer=self._pacer
                ) as answer:
                    accepted, self.taken = True, attempt
                    self._notes |= dict.fromkeys(attempt.notes)
                    async with aclosing(events_of(answer, SseParser(), self._reader)) as events:
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
    attempt: Attempt,
    headers: Mapping[str, str],
    asked: Asked,
    reader: Reader,
    *,
    another: Another,
    pacer: RequestPacer | None = None,
) -> AsyncGenerator[Event, None]:
    """Send the question and yield events until Done. Closing the iterator closes the connection.

    Raises Failure when nothing was run, OutcomeUnknown when something may have been.
    """
    made = AnswerExchange(api, asked, reader, headers, another=another, pacer=pacer)
    async with aclosing(made.request(attempt)) as events:
        async for event in events:
            yield event
    for event in made.ending():
        yield event
