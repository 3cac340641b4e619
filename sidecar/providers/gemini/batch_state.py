"""What Google says of a batch, as ours (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.providers.base import BatchState, Ending
from sidecar.providers.kernel.json_values import as_mapping, as_text, moment_ms

FILE, INLINE, MODEL = "responsesFile", "inlinedResponses", "model"
NAME = "displayName"

_ENDED: Mapping[str, Ending] = {
    "SUCCEEDED": "completed",
    "FAILED": "refused",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}


def batch_state(operation: Mapping[str, Any]) -> BatchState | None:
    """The state that an operation tells; None for what is no batch. Its results may be left out of it.

    Only a batch that succeeded must have results: whether one that ended early keeps what it had done is not
    published.
    """
    native_id = operation.get("name")
    if not isinstance(native_id, str) or not native_id:
        return None
    metadata = as_mapping(operation.get("metadata"))
    word, stats = as_text(metadata.get("state")), as_mapping(metadata.get("batchStats"))
    error = as_mapping(operation.get("error")) or as_mapping(metadata.get("error"))
    done = operation.get("done") is True
    ended = word.endswith(tuple(_ENDED)) or (done and not word)
    handles = _handles(operation, metadata)
    succeeded = word.endswith("SUCCEEDED") or (done and not word and not error)
    completed = _count(stats.get("successfulRequestCount"))
    failed = _count(stats.get("failedRequestCount"))
    return BatchState(
        native_id=native_id,
        word=word or ("done" if done else "unknown"),
        ended=ended,
        results_ready=ended and (not succeeded or FILE in handles or INLINE in handles),
        total=_count(stats.get("requestCount")),
        # A count of nought is left out, as in every answer of this vendor.
        completed=completed or 0 if stats else None,
        failed=failed or 0 if stats else None,
        created_at=moment_ms(metadata.get("createTime")),
        ended_at=moment_ms(metadata.get("endTime")),
        error=as_text(error.get("message")) or (f"error {error['code']}" if error.get("code") else None),
        ending=_ending(word, failed=bool(error)) if ended else None,
        handles=handles,
        metadata={NAME: as_text(metadata.get(NAME))},
    )


def _ending(word: str, *, failed: bool) -> Ending:
    told = next((ending for end, ending in _ENDED.items() if word.endswith(end)), None)
    return told or ("refused" if failed else "completed")


def _handles(operation: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, str]:
    handles: dict[str, str] = {}
    for output in (as_mapping(metadata.get("output")), as_mapping(operation.get("response"))):
        if as_text(output.get(FILE)):
            handles[FILE] = output[FILE]
        elif output.get(INLINE) is not None:
            handles[INLINE] = "yes"
    model = as_text(metadata.get(MODEL)).removeprefix("models/")
    return {**handles, MODEL: model} if model else handles


def _count(value: Any) -> int | None:
    """Google writes 64-bit counts as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
