"""One question to one model, from the request's options to its settlement."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any, cast

from sidecar import clock
from sidecar.chat import context, labels, transactions
from sidecar.chat.chat_types import ChatInput, ChatResult
from sidecar.chat.json_output import validate
from sidecar.chat.prepare import PreparedRequest, RequestPreparer, refuse_empty
from sidecar.chat.running import Running
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money import charge as charging
from sidecar.money.model import ModelEntry, Serving, utc_day
from sidecar.providers.base import Event, FinishReason, Turn
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store.records import LedgerEntry

log = logging.getLogger("sidecar.chat")

Emit = Callable[[Event], None]
Settlement = Callable[[sqlite3.Connection], None]
# A budget must reserve something for an answer without a limit.
UNLIMITED_ANSWER_TOKENS = 8_192


class ChatService:
    """Asks models."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._catalogue = core.catalogue
        self._desk = RequestPreparer(core)
        self._settings = core.settings
        self._session = core.session
        self._new_id = core.new_id
        self._now_ms = core.now_ms
        self._on_invalid_key = core.on_invalid_key
        self._running = Running()
        self._settling: set[asyncio.Task[None]] = set()
        self._unsaved: list[Settlement] = []

    async def send(self, ask: ChatInput, emit: Emit) -> ChatResult:
        """Asks, streams to `emit`, stores and prices the answer.

        Raises Failure with the contract's kinds. Cancelled, it stops the vendor's request, keeps the text that
        had arrived and records what is known of its cost before the cancellation goes on.
        """
        with contextlib.ExitStack() as places:
            for conversation_id in {ask.conversation_id, ask.sent_as} - {None}:
                places.enter_context(self.stoppable(conversation_id))
            question = await self._desk.prepare(ask)
            begun = await self._begin(question)
            own_id = begun.entry.conversation_id
            if own_id is not None and own_id != ask.conversation_id:
                places.enter_context(self._running.enter(own_id))
            return await self._answer(question, begun, emit)

    async def open_turn(self, ask: ChatInput, model_ids: Sequence[str]) -> ChatInput:
        """The question with its turn opened for all these models, so that each joins the same one.

        Raises Failure("invalid_params") for an empty question.
        """
        refuse_empty(ask)
        if ask.conversation_id is None:
            return replace(ask, turn_id=self._new_id())
        models = [self._asked_id(model_id) for model_id in model_ids]
        turn = await self._store.write(
            transactions.open_turn, ask, models, self._session, self._now_ms(), self._new_id
        )
        return replace(
            ask, conversation_id=turn.conversation_id, turn_id=turn.turn_id, sent_as=ask.conversation_id
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
        while self._settling:
            await asyncio.wait(self._settling)
        await self._save_again()

    async def _begin(self, question: PreparedRequest) -> transactions.Begun:
        if self._unsaved:
            await self._shielded(self._save_again())
        now, model, plan = self._now_ms(), question.serving.model, question.plan
        request = question.request
        present = [request.system or "", request.developer or "", question.ask.content]
        price = self._catalogue.price_entry(model, utc_day(now))
        answer = plan.max_output_tokens or model.max_output_tokens or UNLIMITED_ANSWER_TOKENS
        room = context.room_for_history(model.context_size, plan.max_output_tokens, present)
        entry = LedgerEntry(
            id=self._new_id(),
            created_at=now,
            kind="chat",
            provider=model.provider,
            model=question.serving.asked_id,
            price=charging.price_record(price) if price else None,
        )

        def estimate(earlier: Sequence[Turn]) -> Decimal | None:
            texts = [*present, *(turn.text for turn in earlier)]
            return charging.estimate(price, sum(map(context.roughly_tokens, texts)), answer)

        limit = (await self._settings.effective())["monthlyBudgetUSD"]
        writing = asyncio.ensure_future(
            self._store.write(
                transactions.begin,
                entry=entry,
                ask=question.ask,
                room=room,
                estimate=estimate,
                budget=transactions.Budget(
                    None if limit is None else Decimal(str(limit)), clock.month_start_ms(now)
                ),
                session=self._session,
                new_id=self._new_id,
            )
        )
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The intent is on its way to the disk; left open, it would reserve budget and claim the turn.
            await self._shielded(self._take_back(writing))
            raise

    def _asked_id(self, model_id: str) -> str:
        """The name under which answers of that model are stored; an unknown one has none yet."""
        try:
            return self._catalogue.resolve(model_id).full_id
        except Failure:
            return model_id

    async def _take_back(self, writing: asyncio.Future[transactions.Begun]) -> None:
        with contextlib.suppress(Failure):
            await self._store.write(transactions.refuse, (await writing).entry, "cancelled", self._now_ms())

    async def _answer(self, question: PreparedRequest, begun: transactions.Begun, emit: Emit) -> ChatResult:
        transcript, message_id, started = StreamAccumulator(), self._new_id(), self._now_ms()
        try:
            plan = question.plan_after(begun.earlier)
            async with aclosing(question.provider.stream(plan, question.key)) as events:
                async for event in events:
                    transcript.take(event)
                    emit(event)
        except BaseException as problem:
            if isinstance(problem, Failure):
                question.told(problem)
            # Shielded: a second cancellation, or the end of the process's patience, must not lose what was paid.
            await self._shielded(self._settle_broken(question, begun.entry, message_id, transcript, problem))
            raise
        ended = self._now_ms()
        charge = self._charge(question.serving.model, begun.entry, transcript)
        label = labels.label(question.serving, charge)
        finish = transcript.finish_reason or "stop"
        unsaved: tuple[str, ...] = ()
        try:
            await self._save(
                partial(
                    transactions.settle,
                    entry=begun.entry,
                    message_id=message_id,
                    transcript=transcript,
                    charge=charge,
                    finish_reason=finish,
                    label=label,
                    incomplete=False,
                    now=ended,
                )
            )
        except Failure as failure:
            # The answer is paid for: whoever asked gets it, saved or not. The open intent still tells of its cost.
            unsaved = (
                f"This answer could not be saved; that is tried again with the next question. {failure.message}",
            )
        value = (
            validate.read_reply(transcript.text, question.json_schema, finish)
            if question.wants_json
            else None
        )
        return ChatResult(
            id=message_id,
            turn_id=begun.entry.turn_id,
            text=transcript.text or labels.instead_of_text(finish, plan.max_output_tokens),
            thinking=transcript.thinking,
            citations=transcript.citations,
            finish_reason=finish,
            usage=transcript.usage,
            cost_usd=charge.usd,
            model=question.serving.asked_id,
            served_model=self._other_model(question.serving, charge),
            label=label,
            timestamp=ended,
            latency_ms=max(0, ended - started),
            notes=(*question.notes, *plan.notes, *labels.cost_notes(charge), *unsaved),
            is_json=question.wants_json,
            json=value,
        )

    def _charge(
        self, called: ModelEntry, entry: LedgerEntry, transcript: StreamAccumulator
    ) -> charging.Charge:
        day = utc_day(entry.created_at)
        return charging.charge(self._catalogue, called, transcript.served_model, transcript.usage, day)

    def _other_model(self, serving: Serving, charge: charging.Charge) -> str | None:
        asked = self._catalogue.resolve(serving.asked_id).model
        return charge.served_id if charge.served_id != asked.full_id else None

    async def _settle_broken(
        self,
        question: PreparedRequest,
        entry: LedgerEntry,
        message_id: str,
        transcript: StreamAccumulator,
        problem: BaseException,
    ) -> None:
        """The stream did not end well. What is certain not to have run costs nothing; all else may have."""
        if isinstance(problem, Failure) and problem.kind == "invalid_api_key":
            self._on_invalid_key(question.serving.model.provider)
        refused = isinstance(problem, Failure) and not isinstance(problem, OutcomeUnknown)
        if refused and not transcript.begun:
            kind, now = cast(Failure, problem).kind, self._now_ms()
            await self._save(partial(transactions.refuse, entry=entry, error_kind=kind, now=now))
            return
        finish: FinishReason = "error" if isinstance(problem, Exception) else "cancelled"
        charge = self._charge(question.serving.model, entry, transcript)
        await self._save(
            partial(
                transactions.settle,
                entry=entry,
                message_id=message_id,
                transcript=transcript,
                charge=charge,
                finish_reason=finish,
                label=labels.label(question.serving, charge),
                incomplete=True,
                now=self._now_ms(),
            )
        )

    async def _save(self, settlement: Settlement) -> None:
        """Writes what came of a request. What the disk does not take is kept for `_save_again`, and raised."""
        try:
            await self._store.write(settlement)
        except Failure as failure:
            if failure.kind == "storage_error":
                self._unsaved.append(settlement)
            raise

    async def _save_again(self) -> None:
        waiting, self._unsaved = self._unsaved, []
        for settlement in waiting:
            with contextlib.suppress(Failure):
                await self._save(settlement)

    async def _shielded(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settled)
        await asyncio.wait({task})

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._settling.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("an answer that broke off could not be settled", exc_info=task.exception())
