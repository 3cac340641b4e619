"""The rows, states and results of Anthropic's message batches (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.anthropic.stream import MessageReader
from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import BatchPart, BatchResult, BatchState, Ending
from sidecar.providers.kernel.batch_rows import outcome_of
from sidecar.providers.kernel.batch_words import End, end_of, is_at_work
from sidecar.providers.kernel.bodies import encode_json
from sidecar.providers.kernel.errors import stream_failure
from sidecar.providers.kernel.json_values import as_mapping, as_text, moment_ms, told_count
from sidecar.providers.kernel.said_otherwise import as_id, as_word, told_id, without_envelope
from sidecar.providers.kernel.vendor import Asked

RESULTS = "results_url"
# How much earlier than our intent the vendor's clock may put the batch.
CLOCKS_DIFFER_MS = 24 * 3_600 * 1_000

PAUSED = (
    "Claude paused in the middle of this row, and the batch API does not let it go on. What it had written is kept "
    "and was charged; run the row in a local batch, where it goes on by itself."
)

# The second is the word of other vendors' counts.
_ANSWERED = ("succeeded", "completed")
_NO_ANSWER = ("errored", "canceled", "expired", "failed")


def input_line(custom_id: str, plan: PreparedCall) -> bytes:
    """The row as it stands in the create's list."""
    params = {name: value for name, value in plan.body.items() if name != "stream"}
    return encode_json({"custom_id": custom_id, "params": params})


def batch_state(batch: Mapping[str, Any]) -> BatchState | None:
    """The state that a batch object tells; None for what is no batch.

    `failed` are all that ended without an answer. Before the end nothing but the total is told.
    """
    inside = without_envelope(batch, "id", "processing_status")
    # Gateways that have several vendors' batches give all of them one form.
    batch = inside if inside.get("processing_status") else without_envelope(batch, "id", "status")
    told = batch.get("processing_status") or batch.get("status")
    native_id, word = as_id(batch.get("id")), as_word(told)
    if not native_id or not word:
        return None
    told_counts = batch.get("request_counts")
    counts = {name: told_count(count) or 0 for name, count in as_mapping(told_counts).items()}
    counted = isinstance(told_counts, Mapping)
    url = as_text(batch.get(RESULTS))
    word = word.strip().lower().replace("-", "_")
    end = end_of(word)
    # Where nobody knows the word, results say that it has ended.
    ended = end is not None or (not is_at_work(word) and bool(url))
    archived = batch.get("archived_at") is not None
    done, not_done = _sum(counts, _ANSWERED), _sum(counts, _NO_ANSWER)
    # Their address is known, should the batch not name it: it is asked once rows are counted.
    there = bool(url) or (ended and done + not_done > 0)
    return BatchState(
        native_id=native_id,
        word=word,
        ended=ended,
        results_ready=ended and (there or archived),
        total=counts.get("total", sum(counts.values())) if counted else None,
        completed=done if counted and ended else None,
        failed=not_done if counted and ended else None,
        created_at=moment_ms(batch.get("created_at")),
        ended_at=moment_ms(batch.get("ended_at")),
        error="Anthropic keeps results for 29 days, and those of this batch are gone." if archived else None,
        ending=_ending(counts, end) if ended else None,
        handles={RESULTS: url} if there and not archived else {},
        names_results=there or archived,
        gone=archived,
    )


def _sum(counts: Mapping[str, int], names: Iterable[str]) -> int:
    return sum(counts.get(name, 0) for name in names)


def _ending(counts: Mapping[str, int], end: End | None) -> Ending:
    """How it came to its end, by its counts; by its word, which is the same for all with this vendor, without any."""
    if counts.get("canceled"):
        return "cancelled"
    if counts.get("expired"):
        return "expired"
    return "completed" if counts or end is None else "refused" if end == "failed" else end


def may_be_of(state: BatchState, part: BatchPart) -> bool:
    """Whether the batch could be the part's: nobody else's, as many rows, and no older by any likely clock."""
    if state.native_id in part.others:
        return False
    if state.total is not None and state.total != len(part.custom_ids):
        return False
    return not is_older(state, part)


def is_older(state: BatchState, part: BatchPart) -> bool:
    """Whether the batch was there before the part was meant to be."""
    return state.created_at is not None and state.created_at < part.since - CLOCKS_DIFFER_MS


def outcome(line: Mapping[str, Any], asked: Asked) -> BatchResult | None:
    """What came of the row of a line of results; None for a line that is none. A reply may name no row."""
    custom_id, result = told_id(line, "custom_id"), as_mapping(line.get("result"))
    reply = result or as_mapping(line.get("message"))
    if "result" not in reply and reply.get("type") == "message":
        # A gateway may leave out what stands around the reply.
        result = {"type": "succeeded", "message": reply}
    kind = as_text(result.get("type")).lower()
    if not kind or not (custom_id or kind == "succeeded"):
        # What is not told may have run: it is looked for again.
        return None
    if kind == "succeeded":
        message = as_mapping(result.get("message"))
        reader = MessageReader(asked)
        events = chain(reader.take(message), reader.finish())
        came = outcome_of(custom_id, events, model=message.get("model"), response_id=message.get("id"))
        return replace(came, failure=Failure("provider_unavailable", PAUSED)) if reader.paused else came
    if kind in ("canceled", "cancelled"):
        return BatchResult(custom_id, never_ran="cancelled")
    if kind == "expired":
        return BatchResult(custom_id, never_ran="expired")
    told = result.get("error")
    if kind != "errored" and not told:
        return None
    error = as_mapping(told)
    failure = stream_failure(error or {"error": told}, asked, produced=False)
    failure.request_id = as_text(error.get("request_id")) or None
    return BatchResult(custom_id, failure=failure)
