"""What becomes of the answer to a chat when it has ended, whole or not: it is stored, priced and told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from sidecar.chat import labels, transactions
from sidecar.chat.chat_types import ChatResult
from sidecar.chat.paid_answer import PaidAnswer
from sidecar.chat.prepare import PreparedRequest
from sidecar.chat.shielded_writes import ShieldedWrites
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.money.charge import Charge
from sidecar.providers.base import FinishReason, PreparedCall
from sidecar.spending import settlement
from sidecar.store.records import Settlement


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question that was put: `message_id` is what its answer is stored under, `started` when it left, in ms."""

    prepared: PreparedRequest
    opened: transactions.OpenedQuestion
    answer: PaidAnswer
    message_id: str
    started: int


class AnswerEndings:
    """Settles answers. What cannot be written now is kept by `writes`."""

    def __init__(self, core: Core, writes: ShieldedWrites) -> None:
        self._checker = core.checker
        self._now_ms = core.now_ms
        self._writes = writes

    async def whole(self, asked: AskedQuestion, plan: PreparedCall) -> ChatResult:
        """Store an answer that came to its end, and price it."""
        money, ended = asked.answer.whole(), self._now_ms()
        charge = asked.answer.charge(asked.answer.arrived.usage)
        finish = asked.answer.arrived.finish_reason or "stop"
        unsaved: tuple[str, ...] = ()
        try:
            await self._settle(asked, money, charge, finish, ended)
        except Failure as failure:
            # The answer is paid for: whoever asked gets it, saved or not. The open intent still tells of its cost.
            unsaved = (
                f"This answer could not be saved; that is tried again with the next question. {failure.message}",
            )
        return _result(asked, plan, money, charge, finish, ended, unsaved)

    async def read_json(self, asked: AskedQuestion, result: ChatResult) -> ChatResult:
        """The result with its JSON, where that was asked for. Raises Failure("invalid_output")."""
        prepared, answer = asked.prepared, asked.answer
        if not prepared.wants_json:
            return result
        # It is stored by now: whatever comes of this, what was paid for is there.
        try:
            value = await self._checker.read(answer.arrived.text, prepared.json_schema, result.finish_reason)
        except Failure as failure:
            settlement.tell_cost(failure, answer.whole(), answer.held_usd, answer.entry_id)
            raise
        return replace(result, json=value)

    async def broken(self, asked: AskedQuestion, problem: BaseException) -> None:
        """The stream did not end well: what had arrived is kept, with what is known of its cost."""
        answer = asked.answer
        if isinstance(problem, Failure):
            answer.name(problem)
        money = answer.broken(problem)
        if isinstance(problem, Failure):
            settlement.tell_cost(problem, money, answer.held_usd, answer.entry_id)
        finish: FinishReason = "error" if isinstance(problem, Exception) else "cancelled"
        await self._settle(asked, money, answer.charge(answer.arrived.usage), finish, self._now_ms())

    async def _settle(
        self, asked: AskedQuestion, money: Settlement, charge: Charge, finish: FinishReason, ended: int
    ) -> None:
        await self._writes.save(
            partial(
                transactions.settle,
                entry=asked.opened.entry,
                replaces=asked.prepared.chat_input.replaces,
                message_id=asked.message_id,
                accumulator=asked.answer.arrived,
                settlement=money,
                finish_reason=finish,
                label=labels.label(asked.prepared.serving, charge),
                now=ended,
            )
        )


def _result(
    asked: AskedQuestion,
    plan: PreparedCall,
    money: Settlement,
    charge: Charge,
    finish: FinishReason,
    ended: int,
    unsaved: tuple[str, ...],
) -> ChatResult:
    arrived, serving = asked.answer.arrived, asked.prepared.serving
    known = money.known_usd
    return ChatResult(
        id=asked.message_id,
        turn_id=asked.opened.entry.turn_id,
        text=arrived.text or labels.instead_of_text(finish, plan.max_output_tokens),
        thinking=arrived.thinking,
        citations=arrived.citations,
        finish_reason=finish,
        usage=arrived.usage,
        cost_usd=known,
        at_least_usd=money.at_least_usd if known is None else None,
        at_most_usd=money.at_most_usd(asked.answer.held_usd) if known is None else None,
        model=serving.asked_id,
        served_model=charge.served_id if charge.served_id != serving.asked.full_id else None,
        label=labels.label(serving, charge),
        timestamp=ended,
        latency_ms=max(0, ended - asked.started),
        notes=(
            *asked.prepared.notes,
            *plan.notes,
            *asked.opened.notes,
            *arrived.notes,
            *labels.cost_notes(charge),
            *unsaved,
        ),
        is_json=asked.prepared.wants_json,
    )
