"""A row as a line of Gemini's batches, what comes back of it, and how a batch stands (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from sidecar.providers.base import PreparedCall
from sidecar.providers.batches import BatchPart, BatchResult, BatchState, Ending
from sidecar.providers.gemini.request import in_words_instead
from sidecar.providers.gemini.stream import GeminiReader
from sidecar.providers.kernel.batch_rows import outcome_of
from sidecar.providers.kernel.batch_words import end_of
from sidecar.providers.kernel.bodies import Body, encode_json
from sidecar.providers.kernel.errors import row_failure
from sidecar.providers.kernel.json_values import as_mapping, as_text, moment_ms, told_count
from sidecar.providers.kernel.said_otherwise import told_id, without_envelope
from sidecar.providers.kernel.vendor import Asked

# Which errors of rows mean, in a batch that ended early, that they were not run: gRPC's numbers and HTTP's.
_STOPPED = {"CANCELLED": (1, 10, 499), "EXPIRED": (1, 4, 10, 499, 504)}


def input_line(custom_id: str, plan: PreparedCall) -> bytes:
    """The row as a line of an input file, without a line end.

    Whether a model keeps to a form beside a tool is not published for every one of them, and a row that is
    refused is only known of a day later: such a row asks for its form in words.
    """
    in_words = in_words_instead(plan.body) if "tools" in plan.body else None
    request = plan.body if in_words is None else in_words
    return encode_json({"key": custom_id, "request": request})


def file_body(part: BatchPart) -> Body:
    """The create request."""
    return {"batch": {"displayName": part.tag, "inputConfig": {"fileName": part.input_file_id}}}


def outcome(value: Mapping[str, Any], asked: Asked, word: str) -> BatchResult | None:
    """What came of the row of a result, in a batch that ended with that `word`.

    None when it says nothing of its row; a reply may name no row.
    """
    custom_id = told_id(value, "key") or told_id(as_mapping(value.get("metadata")), "key")
    # Google's word for an error is a status, and some of its results have it under that name.
    told = value.get("error") or value.get("status")
    response, error = as_mapping(value.get("response")), as_mapping(told)
    if response:
        reader = GeminiReader(asked)
        events = chain(reader.take(response), reader.finish())
        model, id_ = response.get("modelVersion"), response.get("responseId")
        return outcome_of(custom_id, events, model=model, response_id=id_)
    if not custom_id:
        return None
    code = error.get("code")
    if word.endswith("CANCELLED") and code in _STOPPED["CANCELLED"]:
        return BatchResult(custom_id, never_ran="cancelled")
    if word.endswith("EXPIRED") and code in _STOPPED["EXPIRED"]:
        return BatchResult(custom_id, never_ran="expired")
    # Nobody says that a row without a word did not run: it is looked for again, and not counted as free.
    return BatchResult(custom_id, failure=row_failure(told, asked)) if told else None


FILE, INLINE, MODEL = "responsesFile", "inlinedResponses", "model"
NAME = "displayName"

# The second is the vendor's own client's.
_OUTPUTS = ("output", "dest")
_ENDED: Mapping[str, Ending] = {
    "SUCCEEDED": "completed",
    "FAILED": "refused",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}
_OTHERS = {"failed": "refused"}


def batch_state(operation: Mapping[str, Any]) -> BatchState | None:
    """The state that an operation tells; None for what is no batch. Its results may be left out of it.

    Only a batch that succeeded must have results: whether one that ended early keeps what it had done is not
    published.
    """
    operation = without_envelope(operation, "name")
    native_id = operation.get("name")
    if not isinstance(native_id, str) or not native_id:
        return None
    # A gateway may give the batch itself, without the operation around it.
    metadata = as_mapping(operation.get("metadata")) or operation
    word = _word(as_text(metadata.get("state")))
    stats = as_mapping(metadata.get("batchStats"))
    error = as_mapping(operation.get("error")) or as_mapping(metadata.get("error"))
    done = operation.get("done") is True
    # The operation is over also where its batch has a state that nobody knows.
    plain = not word.endswith(tuple(_ENDED))
    ended = done or not plain
    handles = _handles(operation, metadata)
    succeeded = word.endswith("SUCCEEDED") or (done and plain and not error)
    completed = told_count(stats.get("successfulRequestCount", 0))
    failed = told_count(stats.get("failedRequestCount", 0))
    return BatchState(
        native_id=native_id,
        word=word or ("done" if done else "unknown"),
        ended=ended,
        results_ready=ended and (not succeeded or FILE in handles or INLINE in handles),
        total=told_count(stats.get("requestCount")),
        # A count of nought is left out, as in every answer of this vendor.
        completed=completed if stats else None,
        failed=failed if stats else None,
        created_at=moment_ms(metadata.get("createTime")),
        ended_at=moment_ms(metadata.get("endTime")),
        error=as_text(error.get("message")) or (f"error {error['code']}" if error.get("code") else None),
        ending=_ending(word, failed=bool(error)) if ended else None,
        handles=handles,
        names_results=FILE in handles or INLINE in handles,
        metadata={NAME: as_text(metadata.get(NAME))},
    )


def _word(told: str) -> str:
    """The state in this vendor's words, where a gateway has another's for its end."""
    word, end = told.strip().upper(), end_of(told)
    if word.endswith(tuple(_ENDED)) or end is None:
        return word
    return next(name for name, ending in _ENDED.items() if ending == _OTHERS.get(end, end))


def _ending(word: str, *, failed: bool) -> Ending:
    told = next((ending for end, ending in _ENDED.items() if word.endswith(end)), None)
    return told or ("refused" if failed else "completed")


def _handles(operation: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, str]:
    handles: dict[str, str] = {}
    for output in (
        *(as_mapping(metadata.get(name)) for name in _OUTPUTS),
        as_mapping(operation.get("response")),
    ):
        if file := told_id(output, FILE, "fileName"):
            handles[FILE] = file
        elif output.get(INLINE) is not None:
            handles[INLINE] = "yes"
    model = as_text(metadata.get(MODEL)).removeprefix("models/")
    return {**handles, MODEL: model} if model else handles
