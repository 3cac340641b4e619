"""What is running, as objects of the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sidecar.chat.live_answers import Delay, LiveAnswer
from sidecar.contract.errors import ERRORS
from sidecar.methods import wire
from sidecar.providers.kernel.limits import Hold
from sidecar.rpc.to_wire_error import to_wire_error
from sidecar.store.answer_pieces import AnswerPiece
from sidecar.store.job_records import VendorBatch
from sidecar.store.records import LedgerEntry, Message

_ENDS = {"cancelled": "stopped", "error": "failed", "interrupted": "interrupted"}


def answer(live: LiveAnswer, *, texts: bool = True) -> dict[str, Any]:
    """A WorkAnswer of one that is on its way or has just ended."""
    end, entry = live.end, live.entry
    if end is None:
        least = live.cost_so_far()
        money = {
            "costAtLeastUSD": _dollars(None if least is None else least.usd),
            "costAtMostUSD": _dollars(live.at_most_usd()),
        }
    else:
        money = {
            "costUSD": _dollars(end.cost_usd),
            "costAtLeastUSD": _dollars(end.at_least_usd),
            "costAtMostUSD": _dollars(end.at_most_usd),
        }
    _, text, thinking = live.so_far() if texts else (0, None, None)
    optional = {
        "text": text,
        "thinking": thinking or None,
        "waiting": None if live.wait is None else wait(str(entry.provider), live.wait),
        "finishReason": None if end is None else end.finish_reason,
        "error": None
        if end is None or end.failure is None
        else to_wire_error(end.failure, ERRORS, "work:attach"),
    }
    return (
        _names(entry, live.message_id)
        | {"state": live.state, "seq": live.seq, "startedAt": live.started_at}
        | wire.present(optional | money)
    )


def stored_answer(entry: LedgerEntry | None, message: Message) -> dict[str, Any]:
    """A WorkAnswer of one that ended some time ago. Where nothing was asked for it, its request is the message."""
    named = LedgerEntry(
        message.id,
        message.timestamp,
        "chat",
        conversation_id=message.conversation_id,
        turn_id=message.turn_id,
        model=message.model,
    )
    optional = {
        "text": message.content,
        "thinking": message.thinking,
        "finishReason": message.finish_reason,
        "costUSD": _dollars(message.cost_usd),
        "costAtLeastUSD": _dollars(message.at_least_usd),
        "costAtMostUSD": _dollars(message.at_most_usd),
    }
    return (
        _names(entry or named, message.id)
        | {
            "state": _ENDS.get(message.finish_reason or "", "whole"),
            "seq": int(bool(message.content or message.thinking)),
            "startedAt": (entry or named).created_at,
        }
        | wire.present(optional)
    )


def so_far(live: LiveAnswer, after: int) -> dict[str, Any]:
    """A ProgressSoFar."""
    since, text, thinking = live.so_far(after)
    return _so_far(
        live.request_id, live.entry.turn_id, str(live.entry.model), since, live.seq, text, thinking
    )


def stored_so_far(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A ProgressSoFar of an answer that had ended when it was joined."""
    text, thinking = shown.get("text", ""), shown.get("thinking", "")
    turn = shown.get("turnId")
    return _so_far(shown["requestId"], turn, shown["modelId"], 0, shown["seq"], text, thinking)


def piece(live: LiveAnswer, came: AnswerPiece | Delay) -> dict[str, Any]:
    """What is told of an answer to whoever has joined it."""
    of = {"requestId": live.request_id, "modelId": str(live.entry.model)}
    if isinstance(came, Delay):
        return {"type": "waiting", "seconds": (came.until - came.since) / 1000, "reason": came.reason, **of}
    if came.kind == "text-was-thinking":
        return so_far(live, 0)
    return {"type": came.kind, "text": came.text, "seq": came.seq, **of}


def ended(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A ProgressEnded: the text was told before."""
    return {
        "type": "ended",
        "requestId": shown["requestId"],
        "modelId": shown["modelId"],
        "answer": {name: value for name, value in shown.items() if name not in ("text", "thinking")},
    }


def turns(answers: Iterable[LiveAnswer], *, texts: bool) -> list[dict[str, Any]]:
    """WorkTurns of the answers on their way. Those outside any conversation stand alone."""
    found: dict[str, dict[str, Any]] = {}
    for live in answers:
        entry = live.entry
        of = {
            "turnId": entry.turn_id,
            "conversationId": entry.conversation_id,
            "projectId": entry.project_id,
        }
        turn = found.setdefault(entry.turn_id or live.request_id, wire.present(of) | {"answers": []})
        turn["answers"].append(answer(live, texts=texts))
    return list(found.values())


def part(record: VendorBatch) -> dict[str, Any]:
    """A WorkPart."""
    optional = {
        "model": record.model,
        "nativeBatchId": record.native_id,
        "lookedAt": record.polled_at,
        "vendorStatus": record.vendor_status,
        "stopping": True if record.stop_heard_at is not None else None,
        "error": record.error,
    }
    waits_for, since = waiting_for(record)
    return {
        "id": record.id,
        "jobId": record.job_id,
        "provider": record.provider,
        "rows": record.rows,
        "waitsFor": waits_for,
        "since": since,
    } | wire.present(optional)


def waiting_for(record: VendorBatch) -> tuple[str, int]:
    """What a part waits for, and since when (pure)."""
    submitted = record.submitted_at or record.created_at
    match record.state:
        case "intent" if record.submitted_at is None:
            return ("sending" if record.refused_id is None else "room"), record.created_at
        case "intent":
            return "arrival", submitted
        case "doubtful":
            return "finding", submitted
        case "submitted":
            return "vendor", submitted
        case _:
            return "results", record.ended_at or submitted


def wait(provider: str, held: Delay) -> dict[str, Any]:
    """A WorkWait of a question."""
    return {"provider": provider, "reason": held.reason, "since": held.since, "until": held.until}


def hold(provider: str, held: Hold) -> dict[str, Any]:
    """A WorkWait of the rows of a batch."""
    return {"provider": provider, "reason": "rate_limited", "since": held.since, "until": held.until}


def _names(entry: LedgerEntry, message_id: str) -> dict[str, Any]:
    optional = {
        "messageId": message_id if entry.conversation_id is not None else None,
        "turnId": entry.turn_id,
        "conversationId": entry.conversation_id,
        "projectId": entry.project_id,
    }
    return {"requestId": entry.id, "modelId": str(entry.model)} | wire.present(optional)


def _so_far(
    request_id: str, turn_id: str | None, model: str, after: int, seq: int, text: str, thinking: str
) -> dict[str, Any]:
    return {
        "type": "so-far",
        "requestId": request_id,
        "modelId": model,
        "after": after,
        "seq": seq,
        "text": text,
        "thinking": thinking,
    } | wire.present({"turnId": turn_id})


def _dollars(usd: Any) -> float | None:
    return None if usd is None else float(usd)
