"""The answers that are on their way: what has arrived of each, who listens, and which tasks the stop button ends."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from sidecar.chat.waiting import Waiting
from sidecar.errors import Failure
from sidecar.providers.base import Event, TextDelta, TextWasThinking, ThinkingDelta
from sidecar.spending.settlement import SoFar
from sidecar.store.answer_pieces import AnswerPiece, Kind, put_together
from sidecar.store.records import LedgerEntry

State = Literal["asking", "waiting", "writing", "whole", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Delay:
    """The vendor lets the question wait, for that reason (the kind of its refusal), between these times (ms)."""

    reason: str
    since: int
    until: int


Listener = Callable[[AnswerPiece | Delay | None], None]


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """How an answer ended, and what that cost. `failure` says why it failed."""

    state: State
    finish_reason: str | None = None
    cost_usd: Decimal | None = None
    at_least_usd: Decimal | None = None
    at_most_usd: Decimal | None = None
    failure: BaseException | None = None


class LiveAnswer:
    """One answer on its way: its request is `entry` in the ledger, its message will be `message_id`.

    Its pieces are numbered from 1 on. Listeners get each piece and each wait as it comes, and None when it has ended.
    """

    def __init__(
        self, entry: LedgerEntry, message_id: str, started_at: int, now_ms: Callable[[], int]
    ) -> None:
        self.entry = entry
        self.message_id = message_id
        self.started_at = started_at
        self.wait: Delay | None = None
        self.end: AnswerEnd | None = None
        self.pieces: list[AnswerPiece] = []
        self.cost_so_far: Callable[[], SoFar | None] = lambda: None
        self.at_most_usd: Callable[[], Decimal | None] = lambda: entry.estimate_usd
        self._now_ms = now_ms
        self._listeners: list[Listener] = []

    @property
    def request_id(self) -> str:
        return self.entry.id

    @property
    def seq(self) -> int:
        """The number of the last piece, 0 before the first."""
        return len(self.pieces)

    @property
    def state(self) -> State:
        if self.end is not None:
            return self.end.state
        if self.wait is not None:
            return "waiting"
        return "writing" if self.pieces else "asking"

    def take(self, event: Event | Waiting) -> None:
        """Take note of what the provider tells."""
        match event:
            case TextDelta(text):
                self._add("text", text)
            case ThinkingDelta(text):
                self._add("thinking", text)
            case TextWasThinking(text):
                self._add("text-was-thinking", text)
            case Waiting(wait_ms, reason):
                now = self._now_ms()
                since = now if self.wait is None else self.wait.since
                self.wait = Delay(reason, since, now + wait_ms)
                self._tell(self.wait)

    def so_far(self, after: int = 0) -> tuple[int, str, str]:
        """Return what came after the piece `after`: from which piece on that really is, the text and the thinking.

        Text that turned out to be thinking cannot be taken back by adding to it: then it is all of it, after 0.
        """
        rest = self.pieces[max(0, after) :]
        if after > self.seq or any(piece.kind == "text-was-thinking" for piece in rest):
            after, rest = 0, self.pieces
        return (max(0, after), *put_together(rest))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Let `listener` hear of all that comes from now on; return what ends that."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def finish(self, end: AnswerEnd) -> None:
        """It has ended, and what there is of it is stored."""
        self.end, self.wait = end, None
        self._tell(None)
        self._listeners.clear()

    def _add(self, kind: Kind, text: str) -> None:
        self.wait = None
        piece = AnswerPiece(self.seq + 1, kind, text)
        self.pieces.append(piece)
        self._tell(piece)

    def _tell(self, news: AnswerPiece | Delay | None) -> None:
        for listener in tuple(self._listeners):
            listener(news)


class LiveAnswers:
    """A register of the answers on their way. `changed` hears of one whose state is another one."""

    def __init__(self, changed: Callable[[LiveAnswer], None] = lambda answer: None) -> None:
        self._changed = changed
        self._all: dict[str, LiveAnswer] = {}
        self._begun: set[Callable[[LiveAnswer], None]] = set()
        self._states: dict[str, State] = {}

    def begin(self, answer: LiveAnswer) -> None:
        """An answer is asked for."""
        self._all[answer.request_id] = answer
        for told in tuple(self._begun):
            told(answer)
        self.look(answer)

    def look(self, answer: LiveAnswer) -> None:
        """Tell where the state of an answer is another one than before."""
        if self._states.get(answer.request_id) != answer.state:
            self._states[answer.request_id] = answer.state
            self._changed(answer)

    def finish(self, answer: LiveAnswer, end: AnswerEnd) -> None:
        """An answer has ended."""
        self._all.pop(answer.request_id, None)
        answer.finish(end)
        self.look(answer)
        self._states.pop(answer.request_id, None)

    def get(self, request_id: str) -> LiveAnswer | None:
        return self._all.get(request_id)

    def of_turn(self, turn_id: str) -> list[LiveAnswer]:
        return [answer for answer in self if answer.entry.turn_id == turn_id]

    def on_begin(self, told: Callable[[LiveAnswer], None]) -> Callable[[], None]:
        """Let `told` hear of each answer that begins from now on; return what ends that."""
        self._begun.add(told)
        return lambda: self._begun.discard(told)

    def __iter__(self) -> Iterator[LiveAnswer]:
        return iter(tuple(self._all.values()))


def ended_badly(problem: BaseException) -> AnswerEnd:
    """Return how an answer ended that did not come to its end (pure)."""
    if isinstance(problem, asyncio.CancelledError):
        return AnswerEnd("stopped", "cancelled")
    if not isinstance(problem, Failure):
        return AnswerEnd("failed", "error", failure=problem)
    return AnswerEnd(
        "failed",
        "error",
        cost_usd=problem.cost_usd,
        at_least_usd=problem.at_least_usd,
        at_most_usd=problem.at_most_usd,
        failure=problem,
    )


class Running:
    """A register of tasks by conversation id. A conversation may go by the id that was sent and its own."""

    def __init__(self) -> None:
        self._tasks: defaultdict[str, set[asyncio.Task[object]]] = defaultdict(set)

    @contextmanager
    def enter(self, conversation_id: str) -> Iterator[None]:
        """Registers the current task until the block ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks[conversation_id].add(task)
        try:
            yield
        finally:
            self._tasks[conversation_id].discard(task)
            if not self._tasks[conversation_id]:
                del self._tasks[conversation_id]

    def cancel(self, conversation_id: str) -> int:
        """Cancels what runs there; gives how many tasks were stopped."""
        tasks = [task for task in self._tasks.get(conversation_id, ()) if not task.done()]
        for task in tasks:
            task.cancel()
        return len(tasks)
