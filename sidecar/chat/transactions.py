"""The transactions of one answer: its intent before the request leaves, its settlement whatever ends it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sidecar.chat.chat_types import ChatInput
from sidecar.chat.options import ASCII_PER_TOKEN, newest_that_fit
from sidecar.chat.reservation import Reservation
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.current_project import CurrentProject
from sidecar.errors import Failure
from sidecar.providers.base import FinishReason, Turn
from sidecar.spending import intent
from sidecar.spending import settlement as settling
from sidecar.spending.budget import Budget, uncounted
from sidecar.store import answer_pieces, conversations, message_versions, messages, projects, turns
from sidecar.store.records import LedgerEntry, Message, Settlement
from sidecar.store.turns import OpenTurn


@dataclass(frozen=True, slots=True)
class OpenedQuestion:
    """What the first transaction made: the ledger's row, and the earlier turns that go along.

    `notes` are sentences for the person about what it may cost.
    """

    entry: LedgerEntry
    earlier: tuple[Turn, ...] = ()
    notes: tuple[str, ...] = ()


def begin(
    conn: sqlite3.Connection,
    *,
    entry: LedgerEntry,
    chat_input: ChatInput,
    room: int,
    estimate: Reservation,
    budget: Budget,
    session: CurrentProject,
    new_id: Callable[[], str],
) -> OpenedQuestion:
    """Opens the turn and writes the intent, together: whatever is sent afterwards can be found again.

    `room` is what is left for earlier turns, in tokens; `estimate` is what the call may cost with those that go along:
    where the budget refuses the quick one, the one that counts is asked.
    Raises Failure("budget_exceeded"), and then nothing is kept.
    """
    if chat_input.conversation_id is None:
        opened = OpenedQuestion(
            replace(entry, project_id=session.open_project(conn), turn_id=chat_input.turn_id)
        )
    else:
        opened = _in_conversation(conn, entry, chat_input, chat_input.conversation_id, room, session, new_id)
    entry = replace(opened.entry, estimate_usd=estimate.at_most(opened.earlier))
    try:
        intent.write(conn, entry, budget, estimate.what)
    except Failure as refused:
        counted = estimate.counted(opened.earlier)
        if refused.kind != "budget_exceeded" or counted == entry.estimate_usd:
            raise
        entry = replace(entry, estimate_usd=counted)
        intent.write(conn, entry, budget, estimate.what)
    return replace(opened, entry=entry, notes=uncounted(budget, entry.estimate_usd, str(entry.model)))


def _in_conversation(
    conn: sqlite3.Connection,
    entry: LedgerEntry,
    chat_input: ChatInput,
    conversation_id: str,
    room: int,
    session: CurrentProject,
    new_id: Callable[[], str],
) -> OpenedQuestion:
    model = str(entry.model)
    if chat_input.turn_id is not None:
        turn_id = chat_input.turn_id
    else:
        turn = open_turn(conn, chat_input, [model], session, entry.created_at, new_id)
        conversation_id, turn_id = turn.conversation_id, turn.turn_id
    conversation = conversations.get(conn, conversation_id)
    if conversation is None:
        raise Failure(
            "not_found", "The conversation was deleted while the question was on its way. Ask again."
        )
    entry = replace(
        entry, project_id=conversation.project_id, conversation_id=conversation_id, turn_id=turn_id
    )
    said = turns.history(conn, conversation_id, model, turn_id, int(room * ASCII_PER_TOKEN))
    earlier = [Turn("user" if role == "user" else "assistant", text) for role, text in said]
    return OpenedQuestion(entry, newest_that_fit(earlier, room))


def open_turn(
    conn: sqlite3.Connection,
    chat_input: ChatInput,
    models: Collection[str],
    session: CurrentProject,
    now: int,
    new_id: Callable[[], str],
) -> OpenTurn:
    """The turn of a question to these models, in its conversation, which is made where there is none."""
    return turns.open_turn(
        conn,
        conversation_id=chat_input.conversation_id,
        project_id=session.project(conn),
        content=chat_input.content,
        models=models,
        now=now,
        new_id=new_id,
    )


def project_chat(
    conn: sqlite3.Connection, session: CurrentProject, conversation_id: str
) -> Mapping[str, Any] | None:
    """What a conversation's project asks its models with; one that is yet to be made is made in the open project."""
    conversation = conversations.get(conn, conversation_id)
    project_id = session.open_project(conn) if conversation is None else conversation.project_id
    project = None if project_id is None else projects.get(conn, project_id)
    return None if project is None else project.chat


def settle(
    conn: sqlite3.Connection,
    *,
    entry: LedgerEntry,
    replaces: str | None,
    message_id: str,
    accumulator: StreamAccumulator,
    settlement: Settlement,
    finish_reason: FinishReason,
    label: str,
    now: int,
) -> None:
    """The request ran, to its end or not: what arrived becomes a message, what is known of its cost is kept."""
    stored = entry.conversation_id is not None and conversations.get(conn, entry.conversation_id) is not None
    # The conversation may have been deleted while the model wrote; the money is spent all the same.
    written = stored and bool(accumulator.text or accumulator.thinking or settlement.is_whole)
    if written:
        message = _message(entry, message_id, accumulator, settlement, finish_reason, label, now)
        if replaces is None:
            messages.insert(conn, message)
        else:
            message_versions.put_in_place(conn, message, replaces, whole=settlement.is_whole)
    answer_pieces.drop(conn, entry.id)
    settling.settle(conn, entry.id, settlement, now, message_id=message_id if written else None)


def _message(
    entry: LedgerEntry,
    message_id: str,
    accumulator: StreamAccumulator,
    settlement: Settlement,
    finish_reason: FinishReason,
    label: str,
    now: int,
) -> Message:
    usage = accumulator.usage
    return Message(
        id=message_id,
        conversation_id=str(entry.conversation_id),
        turn_id=str(entry.turn_id),
        role="assistant",
        content=accumulator.text,
        timestamp=now,
        provider=label,
        model=entry.model,
        cost_usd=settlement.cost_usd,
        tokens_in=usage.prompt_total if usage else None,
        tokens_out=usage.out_total if usage and accumulator.usage_is_final else None,
        thinking=accumulator.thinking or None,
        citations=tuple({"url": each.url, "title": each.title} for each in accumulator.citations),
        finish_reason=finish_reason,
    )
