"""Goes through a session again, line by line: nothing is sent before what was seen before it has been seen again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from sidecar.recorder import diff
from sidecar.recorder.answers import RecordedAnswers
from sidecar.recorder.diff import ClientMessages, Difference, answer_difference, messages_in
from sidecar.recorder.matching import Bindings
from sidecar.recorder.reading import Exchange, RecordedChunk, Session, Step

WAIT_SECONDS = 10.0
# Once something did not come, what follows from it will not either.
WAIT_AFTER_SECONDS = 1.0
# A key for a replay: no recording has one.
STAND_IN_KEY = "sk-replayed-0000000000"


class Wire(Protocol):
    """A client's end of a pipe to a sidecar."""

    async def send(self, body: bytes) -> None: ...

    async def receive(self) -> bytes | None:
        """The next message, or None after the last."""

    def close_input(self) -> None: ...


class Timeline:
    """Where a replay is. As a Pacing it holds back what the network said after something that is yet to be sent."""

    def __init__(self, session: Session) -> None:
        self.sent_to = 0
        self._sends = [step.line for step in session.steps if step.kind != "<"]
        self._taken: set[int] = set()
        self._changed = asyncio.Event()

    def change(self) -> None:
        self._changed.set()

    def sent(self, line: int) -> None:
        self.sent_to = line
        self.change()

    def taken(self, line: int) -> bool:
        return line in self._taken

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            self._changed.clear()
            await self._changed.wait()

    async def begins(self, exchange: Exchange) -> None:
        await self._after_sends(exchange.status_line)

    async def comes(self, exchange: Exchange, chunk: RecordedChunk) -> None:
        await self._after_sends(chunk.line)

    def came(self, line: int) -> None:
        self._taken.add(line)
        self.change()

    async def left_open(self) -> None:
        await asyncio.Event().wait()

    async def _after_sends(self, line: int) -> None:
        before = max((each for each in self._sends if each < line), default=0)
        await self.until(lambda: self.sent_to >= before)


class Player:
    """One session, played once. `differences` is complete when `run` has returned."""

    def __init__(
        self, session: Session, answers: RecordedAnswers, timeline: Timeline, bindings: Bindings
    ) -> None:
        self._session, self._answers, self._timeline, self._bindings = session, answers, timeline, bindings
        self._recorded = messages_in(session)
        self._now = ClientMessages()
        self._wait = WAIT_SECONDS
        self._happened = _network_lines(session)
        self.differences: list[Difference] = []

    async def run(self, wire: Wire) -> list[Difference]:
        reading = asyncio.create_task(self._read(wire))
        try:
            before = ClientMessages()
            closed = False
            for step in self._session.steps:
                if step.kind == "<":
                    before.add(step.message, step.line)
                    continue
                await self._caught_up(before, step)
                if step.kind == "eof":
                    wire.close_input()
                    closed = True
                elif not step.cut:
                    message = self._bindings.fill(step.message, STAND_IN_KEY)
                    await wire.send(json.dumps(message).encode())
                self._timeline.sent(step.line)
            if not closed:
                await self._caught_up(before, None)
                wire.close_input()
            self._timeline.sent(1 << 60)
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_SECONDS):
                    await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        self.differences += diff.missing(self._recorded, self._now, self._session)
        self.differences += diff.streams_and_notices(self._recorded, self._now, self._bindings)
        self.differences += [Difference(0, problem) for problem in self._answers.problems]
        self.differences += [
            Difference(each.line, f"{each.method} {each.url} was recorded and not sent")
            for each in self._answers.unused()
            if each.method != "GET"
        ]
        return self.differences

    async def _read(self, wire: Wire) -> None:
        while (body := await wire.receive()) is not None:
            for key, number in self._now.add(json.loads(body)):
                self._compare(key, number)
            self._timeline.change()

    def _compare(self, key: str, number: int) -> None:
        recorded = self._recorded.answers.get(key, [])
        if number < len(recorded):
            now = self._now.answers[key][number].message
            found = answer_difference(recorded[number], now, self._bindings)
            if found is not None:
                self.differences.append(found)

    async def _caught_up(self, before: ClientMessages, step: Step | None) -> None:
        """Waits until everything has happened again that had happened before this step."""
        line = step.line if step is not None else 1 << 60
        tokens = list(before.streams) if step is not None and _cancels(step.message) else []

        def pending() -> str | None:
            for key, answers in before.answers.items():
                came = len(self._now.answers.get(key, ()))
                awaited = self._recorded.answers[key][came : len(answers)]
                if not all(diff.excused(each, self._session) for each in awaited):
                    return f"the answer with id {key}"
            for token in tokens:
                if self._now.streamed(token) < before.streamed(token):
                    return f"the progress of {token}"
            if (method := diff.unseen(before, self._now, self._bindings)) is not None:
                return f"the notification {method}"
            for happened in self._happened:
                if happened < line and not self._timeline.taken(happened):
                    return f"what the network did in line {happened}"
            return None

        try:
            async with asyncio.timeout(self._wait):
                await self._timeline.until(lambda: pending() is None)
        except TimeoutError:
            self._wait = WAIT_AFTER_SECONDS
            if step is not None:
                self.differences.append(Difference(step.line, f"waited in vain for {pending()} before it"))


def _network_lines(session: Session) -> list[int]:
    lines = {each.line for each in session.exchanges}
    lines |= {each.status_line for each in session.exchanges if each.status is not None}
    return sorted(lines | {chunk.line for each in session.exchanges for chunk in each.chunks})


def _cancels(message: Any) -> bool:
    return isinstance(message, dict) and message.get("method") in (
        "$/cancelRequest",
        "chat:abort",
        "batch:cancel",
    )
