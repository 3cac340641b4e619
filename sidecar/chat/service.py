"""One question to one model, from the request's options to its settlement."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sidecar.chat import transactions
from sidecar.chat.answer_endings import AnswerEndings, AskedQuestion
from sidecar.chat.chat_types import ChatInput, ChatResult
from sidecar.chat.live_answers import AnswerEnd, LiveAnswer, LiveAnswers, Running, ended_badly
from sidecar.chat.options import room_for_history
from sidecar.chat.paid_answer import PaidAnswer
from sidecar.chat.piece_keeper import KEEP_SECONDS, PieceKeeper
from sidecar.chat.prepare import PreparedRequest, RequestPreparer, refuse_empty
from sidecar.chat.reservation import Reservation, present_texts
from sidecar.chat.shielded_writes import ShieldedWrites
from sidecar.chat.waiting import Waiting, WaitReporter
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money.model import utc_day
from sidecar.providers.base import Event
from sidecar.spending import intent, settlement
from sidecar.spending.budget import this_month

Emit = Callable[[Event | Waiting], None]


class ChatService:
    """Asks models. `live` are the answers on their way; what has arrived of them is kept every `keep_seconds`."""

    def __init__(
        self, core: Core, live: LiveAnswers | None = None, *, keep_seconds: float = KEEP_SECONDS
    ) -> None:
        self.live = LiveAnswers() if live is None else live
        self._keep_seconds = keep_seconds
        self._core = core
        self._store = core.store
        self._catalogue = core.catalogue
        self._preparer = RequestPreparer(core)
        self._settings = core.settings
        self._key_marks = core.key_marks
        self._session = core.session
        self._new_id = core.new_id
        self._now_ms = core.now_ms
        self._running = Running()
        self._writes = ShieldedWrites(core.store)
        self._endings = AnswerEndings(core, self._writes)

    async def send(self, chat_input: ChatInput, emit: Emit) -> ChatResult:
        """Asks, streams to `emit`, stores and prices the answer.

        Raises Failure with the contract's kinds. Cancelled, it stops the vendor's request, keeps the text that
        had arrived and records what is known of its cost before the cancellation goes on.
        """
        with contextlib.ExitStack() as places:
            for conversation_id in {chat_input.conversation_id, chat_input.sent_as} - {None}:
                places.enter_context(self.stoppable(conversation_id))
            project_chat = await self._project_chat(chat_input.conversation_id)
            prepared = await self._preparer.prepare(chat_input, project_chat)
            opened = await self._begin(prepared)
            own_id = opened.entry.conversation_id
            if own_id is not None and own_id != chat_input.conversation_id:
                places.enter_context(self._running.enter(own_id))
            return await self._answer(prepared, opened, emit)

    async def open_turn(self, chat_input: ChatInput, model_ids: Sequence[str]) -> ChatInput:
        """The question with its turn opened for all these models, so that each joins the same one.

        Raises Failure("invalid_params") for an empty question.
        """
        refuse_empty(chat_input)
        if chat_input.conversation_id is None:
            return replace(chat_input, turn_id=self._new_id())
        models = [self._asked_id(model_id) for model_id in model_ids]
        turn = await self._store.write(
            transactions.open_turn, chat_input, models, self._session, self._now_ms(), self._new_id
        )
        return replace(
            chat_input,
            conversation_id=turn.conversation_id,
            turn_id=turn.turn_id,
            sent_as=chat_input.conversation_id,
        )

    @contextlib.contextmanager
    def stoppable(self, conversation_id: str | None) -> Iterator[None]:
        """Lets `abort` find the current task by that conversation while the block runs."""
        with contextlib.nullcontext() if conversation_id is None else self._running.enter(conversation_id):
            yield

    def abort(self, conversation_id: str) -> int:
        """Stops what is being answered in that conversation; how many answers that were."""
        return self._running.cancel(conversation_id)

    async def close(self) -> None:
        """Waits until every answer that was cut off is settled. To be called before the store closes."""
        await self._writes.close()

    async def _begin(self, prepared: PreparedRequest) -> transactions.OpenedQuestion:
        await self._writes.save_again()
        now, model, plan = self._now_ms(), prepared.serving.model, prepared.plan
        budget, mark = await this_month(self._settings, now), await self._key_marks.of(prepared.key)
        writing = asyncio.ensure_future(
            self._store.write(
                transactions.begin,
                entry=intent.entry(
                    self._catalogue,
                    prepared.serving,
                    entry_id=self._new_id(),
                    kind="chat",
                    now=now,
                    host=prepared.host,
                    key_mark=mark,
                ),
                chat_input=prepared.chat_input,
                room=room_for_history(model.context_size, plan.max_output_tokens, present_texts(prepared)),
                estimate=Reservation(prepared, self._catalogue.price_entry(model, utc_day(now))),
                budget=budget,
                session=self._session,
                new_id=self._new_id,
            )
        )
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The intent is on its way to the disk; left open, it would reserve budget and claim the turn.
            await self._writes.shielded(self._take_back(writing))
            raise

    async def _project_chat(self, conversation_id: str | None) -> Mapping[str, Any] | None:
        """What the conversation's project asks its models with. Rows of batches are no conversation."""
        if conversation_id is None:
            return None
        return await self._store.read(transactions.project_chat, self._session, conversation_id)

    def _asked_id(self, model_id: str) -> str:
        """The name under which answers of that model are stored; an unknown one has none yet."""
        try:
            return self._catalogue.resolve(model_id).full_id
        except Failure:
            return model_id

    async def _take_back(self, writing: asyncio.Future[transactions.OpenedQuestion]) -> None:
        with contextlib.suppress(Failure):
            entry = (await writing).entry
            await self._store.write(
                settlement.settle, entry.id, settlement.refused("cancelled"), self._now_ms()
            )

    async def _answer(
        self, prepared: PreparedRequest, opened: transactions.OpenedQuestion, emit: Emit
    ) -> ChatResult:
        answer = PaidAnswer(self._core, prepared, opened.entry)
        # What is kept of an answer outside of conversations is its call alone: by that it can be explained.
        message_id = opened.entry.id if opened.entry.conversation_id is None else self._new_id()
        asked = AskedQuestion(prepared, opened, answer, message_id, started=self._now_ms())
        live = LiveAnswer(opened.entry, message_id, asked.started, self._now_ms)
        live.cost_so_far, live.at_most_usd = answer.least, answer.at_most_usd
        keeper = PieceKeeper(self._store, live, prepared.serving.label, self._now_ms, self._keep_seconds)

        def report(event: Event | Waiting) -> None:
            live.take(event)
            self.live.look(live)
            emit(event)

        self.live.begin(live)
        try:
            try:
                plan = prepared.plan_after(opened.earlier)
                await answer.read(plan, WaitReporter(report, answer.hold_back), report)
            finally:
                self._writes.see_to_its_end(keeper.stop())
        except BaseException as problem:
            # Shielded: a second cancellation, or the end of the process's patience, must not lose what was paid.
            try:
                await self._writes.shielded(self._endings.broken(asked, problem))
            finally:
                self.live.finish(live, ended_badly(problem))
            if isinstance(problem, asyncio.CancelledError):
                raise answer.stopped() from problem
            raise
        result = None
        try:
            try:
                result = await self._writes.to_its_end(self._endings.whole(asked, plan))
            finally:
                self.live.finish(live, _end_of(result, answer))
            return await self._endings.read_json(asked, result)
        except asyncio.CancelledError as problem:
            # Too late to save anything: it is kept, and what it cost is told.
            raise answer.stopped(answer.whole()) from problem


def _end_of(result: ChatResult | None, answer: PaidAnswer) -> AnswerEnd:
    """How an answer ended that the vendor wrote to its end; without a result it was cut off while it was stored."""
    if result is None:
        return AnswerEnd("stopped", answer.arrived.finish_reason)
    return AnswerEnd("whole", result.finish_reason, result.cost_usd, result.at_least_usd, result.at_most_usd)
