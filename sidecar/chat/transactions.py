"""The transactions of one answer: its intent before the request leaves, its settlement whatever ends it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sidecar.chat import context
from sidecar.chat.chat_types import ChatInput
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.money.charge import Charge, price_record
from sidecar.providers.base import FinishReason, Turn
from sidecar.store import conversations, ledger, messages, turns
from sidecar.store.records import LedgerEntry, Message
from sidecar.store.turns import OpenTurn


@dataclass(frozen=True, slots=True)
class Budget:
    """The month's limit, or None. `since` is the first moment of the month, in ms."""

    limit_usd: Decimal | None
    since: int


@dataclass(frozen=True, slots=True)
class Begun:
    """What the first transaction made. Without a conversation there are no turns."""

    entry: LedgerEntry
    earlier: tuple[Turn, ...] = ()


def begin(
    conn: sqlite3.Connection,
    *,
    entry: LedgerEntry,
    ask: ChatInput,
    room: int,
    estimate: Callable[[Sequence[Turn]], Decimal | None],
    budget: Budget,
    session: CurrentProject,
    new_id: Callable[[], str],
) -> Begun:
    """Opens the turn and writes the intent, together: whatever is sent afterwards can be found again.

    `room` is what is left for earlier turns, in tokens; `estimate` is what the call may cost with those that go along.
    Raises Failure("budget_exceeded"), and then nothing is kept.
    """
    if ask.conversation_id is None:
        begun = Begun(replace(entry, project_id=session.open_project(conn), turn_id=ask.turn_id))
    else:
        begun = _in_conversation(conn, entry, ask, ask.conversation_id, room, session, new_id)
    entry = replace(begun.entry, estimate_usd=estimate(begun.earlier))
    _keep_to(conn, budget, entry.estimate_usd or Decimal(0))
    ledger.intent(conn, entry)
    return replace(begun, entry=entry)


def _in_conversation(
    conn: sqlite3.Connection,
    entry: LedgerEntry,
    ask: ChatInput,
    conversation_id: str,
    room: int,
    session: CurrentProject,
    new_id: Callable[[], str],
) -> Begun:
    model = str(entry.model)
    if ask.turn_id is not None:
        turn_id = ask.turn_id
    else:
        turn = open_turn(conn, ask, [model], session, entry.created_at, new_id)
        conversation_id, turn_id = turn.conversation_id, turn.turn_id
    conversation = conversations.get(conn, conversation_id)
    if conversation is None:
        raise Failure(
            "not_found", "The conversation was deleted while the question was on its way. Ask again."
        )
    entry = replace(
        entry, project_id=conversation.project_id, conversation_id=conversation_id, turn_id=turn_id
    )
    told = turns.history(conn, conversation_id, model, turn_id, int(room * context.ASCII_PER_TOKEN))
    earlier = [Turn("user" if role == "user" else "assistant", text) for role, text in told]
    return Begun(entry, context.newest_that_fit(earlier, room))


def open_turn(
    conn: sqlite3.Connection,
    ask: ChatInput,
    models: Collection[str],
    session: CurrentProject,
    now: int,
    new_id: Callable[[], str],
) -> OpenTurn:
    """The turn of a question to these models, in its conversation, which is made where there is none."""
    return turns.open_turn(
        conn,
        conversation_id=ask.conversation_id,
        project_id=session.project(conn),
        content=ask.content,
        models=models,
        now=now,
        new_id=new_id,
    )


def _keep_to(conn: sqlite3.Connection, budget: Budget, estimate: Decimal) -> None:
    if budget.limit_usd is None:
        return
    spent = ledger.spent_since(conn, budget.since)
    if spent + ledger.reserved(conn) + estimate > budget.limit_usd:
        raise Failure(
            "budget_exceeded",
            f"This month's budget of ${budget.limit_usd} would be exceeded: ${spent:.2f} is spent and this answer may "
            f"cost up to ${estimate:.2f}. Raise the budget in the settings, or lower the answer's maximum length.",
        )


def settle(
    conn: sqlite3.Connection,
    *,
    entry: LedgerEntry,
    message_id: str,
    transcript: StreamAccumulator,
    charge: Charge,
    finish_reason: FinishReason,
    label: str,
    incomplete: bool,
    now: int,
) -> None:
    """The request ran, to its end or not: what arrived becomes a message, what is known of its cost is kept."""
    stored = entry.conversation_id is not None and conversations.get(conn, entry.conversation_id) is not None
    # The conversation may have been deleted while the model wrote; the money is spent all the same.
    if stored and (transcript.text or transcript.thinking or not incomplete):
        messages.insert(conn, _message(entry, message_id, transcript, charge, finish_reason, label, now))
    if incomplete and transcript.usage is None:
        ledger.mark_unknown(
            conn, entry.id, now=now, error_kind=finish_reason, request_id=transcript.response_id
        )
        return
    ledger.settle(
        conn,
        entry.id,
        now=now,
        usage=transcript.usage,
        cost_usd=charge.usd,
        served_model=charge.served_id,
        message_id=message_id if stored else None,
        price=_price(charge),
        request_id=transcript.response_id,
        incomplete=incomplete,
    )


def _message(
    entry: LedgerEntry,
    message_id: str,
    transcript: StreamAccumulator,
    charge: Charge,
    finish_reason: FinishReason,
    label: str,
    now: int,
) -> Message:
    usage = transcript.usage
    return Message(
        id=message_id,
        conversation_id=str(entry.conversation_id),
        turn_id=str(entry.turn_id),
        role="assistant",
        content=transcript.text,
        timestamp=now,
        provider=label,
        model=entry.model,
        cost_usd=charge.usd,
        tokens_in=usage.prompt_total if usage else None,
        tokens_out=usage.out_total if usage else None,
        thinking=transcript.thinking or None,
        citations=tuple({"url": each.url, "title": each.title} for each in transcript.citations),
        finish_reason=finish_reason,
    )


def _price(charge: Charge) -> Mapping[str, Any] | None:
    return price_record(charge.price) if charge.price else None


def refuse(conn: sqlite3.Connection, entry: LedgerEntry, error_kind: str, now: int) -> None:
    """The request certainly did not run, and cost nothing."""
    ledger.fail(conn, entry.id, now=now, error_kind=error_kind)
