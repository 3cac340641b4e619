"""What goes into xAI's batches and what comes out of them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import orjson

from sidecar.errors import Failure
from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import BatchPart, BatchResult, BatchState, Ending
from sidecar.providers.grok.usage import chat_usage
from sidecar.providers.kernel.batch_rows import outcome_of
from sidecar.providers.kernel.batch_words import End, end_of, is_at_work
from sidecar.providers.kernel.bodies import encode_json
from sidecar.providers.kernel.errors import row_failure
from sidecar.providers.kernel.json_values import as_mapping, as_text, moment_ms, told_count
from sidecar.providers.kernel.said_otherwise import as_id, told_id, without_envelope
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai_family.stream import ChatReader

NAME = "name"
CANCELLED = "cancelled"
# After a cancel, rows that were running still end, and are billed, for some seconds.
SETTLED_MS = 5_000

# The word of a batch that does not tell how it is doing.
UNKNOWN = "unknown"

_COUNTED = ("requests", "success", "error", "cancelled")
_ENDINGS: Mapping[End, Ending] = {
    "completed": "completed",
    "failed": "refused",
    "expired": "expired",
    "cancelled": "cancelled",
}
_STREAMING = frozenset({"stream", "stream_options"})
_CHAT = "/chat/completions"


def input_line(custom_id: str, plan: PreparedCall) -> bytes:
    """The row as it stands in the list that is added. Raises Failure("unsupported") for what no batch can do."""
    if plan.path != _CHAT:
        raise Failure(
            "unsupported",
            "xAI's batches take chat completions only, which cannot search the web. "
            "Turn web search off for this batch, or run it locally.",
            model=str(plan.body.get("model") or "") or None,
        )
    body = {name: value for name, value in plan.body.items() if name not in _STREAMING}
    return encode_json({"batch_request_id": custom_id, "batch_request": {"chat_get_completion": body}})


def batch_state(batch: Mapping[str, Any], now_ms: int) -> BatchState | None:
    """The state that a batch tells in numbers; None for what is no batch.

    The vendor has no word for it and promises no end, so one that outlives its results has ended here. One that tells
    nothing at all is `UNKNOWN`.
    """
    batch = without_envelope(batch, "batch_id")
    native_id = told_id(batch, "batch_id") or (as_id(batch.get("id")) if "state" in batch else "")
    if not native_id:
        return None
    beside = not isinstance(batch.get("state"), Mapping)
    numbers = batch if beside else as_mapping(batch["state"])
    because = batch.get("cancel_by_xai_message")
    if beside and not because and all(told_count(batch.get(f"num_{name}")) is None for name in _COUNTED):
        return _without_numbers(batch, native_id, now_ms)
    total, done, failed, left_out = (told_count(numbers.get(f"num_{name}")) or 0 for name in _COUNTED)
    pending = told_count(numbers.get("num_pending"))
    if pending is None:
        # A count of nought may be left out, and so may one that is not known: the others say which.
        pending = 0 if because else max(0, total - done - failed - left_out)
    cancelled_at, expires_at = moment_ms(batch.get("cancel_time")), moment_ms(batch.get("expire_time"))
    stopped = bool(because) or cancelled_at is not None
    expired = expires_at is not None and expires_at <= now_ms
    finished = not pending and (total > 0 or stopped)
    settled = cancelled_at is None or cancelled_at + SETTLED_MS <= now_ms
    return BatchState(
        native_id=native_id,
        word=_word(finished, stopped, expired, total),
        ended=finished or expired,
        results_ready=expired or (finished and settled),
        total=total,
        completed=done,
        failed=failed,
        created_at=moment_ms(batch.get("create_time")),
        error=because if isinstance(because, str) and because else None,
        ending=_ending(because, stopped, finished) if finished or expired else None,
        presumed=expired and not finished,
        handles={CANCELLED: "yes"} if stopped or left_out else {},
        metadata={NAME: str(batch.get(NAME) or "")},
    )


def _without_numbers(batch: Mapping[str, Any], native_id: str, now_ms: int) -> BatchState:
    """The state of a batch that tells no numbers: by a gateway's word for it, by its times, or unknown."""
    told = next(filter(None, (as_text(batch.get(name)) for name in ("state", "status"))), "")
    end = end_of(told)
    expires_at = moment_ms(batch.get("expire_time"))
    presumed = end is None and expires_at is not None and expires_at <= now_ms
    ending: Ending | None = _ENDINGS[end] if end else "expired" if presumed else None
    return BatchState(
        native_id=native_id,
        word=end or ("expired" if presumed else "processing" if is_at_work(told) else UNKNOWN),
        ended=ending is not None,
        results_ready=ending is not None,
        created_at=moment_ms(batch.get("create_time")),
        ending=ending,
        presumed=presumed,
        handles={CANCELLED: "yes"} if ending == "cancelled" else {},
        metadata={NAME: str(batch.get(NAME) or "")},
    )


def added(part: BatchPart, batch_id: str) -> BatchState:
    """The state of a batch whose rows have just been taken, all of them or none."""
    total = len(part.custom_ids)
    return BatchState(
        batch_id, "processing", False, False, total, completed=0, failed=0, metadata={NAME: part.tag}
    )


def outcome(value: Mapping[str, Any], asked: Asked) -> BatchResult | None:
    """What came of the row of a result; None when it names no row and has no reply, or says nothing of its row."""
    custom_id = told_id(value, "batch_request_id", "custom_id")
    result = as_mapping(value.get("batch_result")) or value
    response, error = as_mapping(result.get("response")), result.get("error")
    reply = next(
        (as_mapping(inner) for inner in response.values() if "choices" in as_mapping(inner)), response
    )
    if "choices" not in reply and not (custom_id and (error or reply)):
        # Nobody says that it did not run: it is looked for again, and not counted as free.
        return None
    if error or "choices" not in reply:
        return BatchResult(custom_id, failure=row_failure(error, asked))
    reader = ChatReader(asked, read_usage=chat_usage)
    events = chain(reader.read(SseEvent(orjson.dumps(reply).decode())), reader.finish())
    return outcome_of(custom_id, events, model=reply.get("model"), response_id=reply.get("id"))


def never_ran(request: Mapping[str, Any]) -> BatchResult | None:
    """What came of the row of a request that a cancel kept from running; None for any other."""
    custom_id, state = told_id(request, "batch_request_id", "custom_id"), str(request.get("state")).lower()
    cancelled = state.endswith(("cancelled", "canceled"))
    return BatchResult(custom_id, never_ran="cancelled") if custom_id and cancelled else None


def _ending(because: object, stopped: bool, finished: bool) -> Ending:
    """The vendor's own stop has its message, and nobody else's does."""
    if because:
        return "refused"
    return "cancelled" if stopped else "completed" if finished else "expired"


def _word(finished: bool, stopped: bool, expired: bool, total: int) -> str:
    if finished:
        return "cancelled" if stopped else "completed"
    if expired:
        return "expired"
    return "cancelling" if stopped else "processing" if total else "empty"
