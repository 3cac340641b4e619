"""The rows of Gemini's batches: as the vendor takes them, and what it says came of one (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import BatchPart, BatchResult, PreparedCall
from sidecar.providers.gemini.request import in_words_instead
from sidecar.providers.gemini.stream import GeminiReader
from sidecar.providers.kernel.batch_rows import outcome_of
from sidecar.providers.kernel.bodies import Body, encode_json
from sidecar.providers.kernel.errors import row_failure
from sidecar.providers.kernel.json_values import as_mapping
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
    """What came of the row of a result, in a batch that ended with that `word`; None when it names no row."""
    custom_id = value.get("key")
    if not isinstance(custom_id, str):
        custom_id = as_mapping(value.get("metadata")).get("key")
    if not isinstance(custom_id, str) or not custom_id:
        return None
    response, error = as_mapping(value.get("response")), as_mapping(value.get("error"))
    if response:
        reader = GeminiReader(asked)
        events = chain(reader.take(response), reader.finish())
        model, id_ = response.get("modelVersion"), response.get("responseId")
        return outcome_of(custom_id, events, model=model, response_id=id_)
    code = error.get("code")
    if word.endswith("CANCELLED") and code in _STOPPED["CANCELLED"]:
        return BatchResult(custom_id, never_ran="cancelled")
    if word.endswith("EXPIRED") and code in _STOPPED["EXPIRED"]:
        return BatchResult(custom_id, never_ran="expired")
    if error:
        return BatchResult(custom_id, failure=row_failure(error, asked))
    return BatchResult(
        custom_id,
        failure=Failure(
            "provider_unavailable",
            f"The {asked.title} API gave this row neither an answer nor an error. Run it again.",
            retryable=True,
            provider=asked.provider,
            model=asked.model,
        ),
    )
