"""The transactions of one answer: its intent before the request leaves, its settlement whatever ends it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sidecar.chat.transcript import Transcript
from sidecar.errors import Failure
from sidecar.money.charge import Charge, price_record
from sidecar.providers.base import FinishReason, Turn
from sidecar.session import Session
from sidecar.store import conversations, ledger, messages, turns
from sidecar.store.records import LedgerEntry, Message


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
    asked_conversation: str | None,
    content: str,
    history_chars: int,
    budget: Budget,
    session: Session,
    new_id: Callable[[], str],
) -> Begun:
    """Opens the turn and writes the intent, together: whatever is sent afterwards can be found again.

    Raises Failure("budget_exceeded"), and then nothing is kept.
    """
    _keep_to(conn, budget, entry.estimate_usd or Decimal(0))
    if asked_conversation is None:
        entry = replace(entry, project_id=session.open_project(conn))
        ledger.intent(conn, entry)
        return Begun(entry)
    model = str(entry.model)
    turn = turns.open_turn(
        conn,
        conversation_id=asked_conversation,
        project_id=session.project(conn),
        content=content,
        model=model,
        now=entry.created_at,
        new_id=new_id,
    )
    conversation = conversations.get(conn, turn.conversation_id)
    assert conversation is not None
    entry = replace(
        entry,
        project_id=conversation.project_id,
        conversation_id=turn.conversation_id,
        turn_id=turn.turn_id,
    )
    ledger.intent(conn, entry)
    earlier = turns.history(conn, turn.conversation_id, model, turn.turn_id, history_chars)
    return Begun(
        entry, tuple(Turn("user" if role == "user" else "assistant", text) for role, text in earlier)
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
    transcript: Transcript,
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
    transcript: Transcript,
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


def mark_interrupted(conn: sqlite3.Connection, now: int) -> int:
    """At start: intents of a run that died may have been charged, and nobody will ever settle them."""
    left = [entry for entry in ledger.open_intents(conn) if entry.kind == "chat"]
    for entry in left:
        ledger.mark_unknown(conn, entry.id, now=now, error_kind="interrupted")
    return len(left)
