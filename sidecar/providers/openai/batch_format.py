"""A row as a line of OpenAI's batches, what comes back of it, and how a batch stands (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, Literal

import orjson

from sidecar.providers.base import Event, PreparedCall, Usage
from sidecar.providers.batches import BatchPart, BatchResult, BatchState, Ending
from sidecar.providers.kernel.batch_rows import outcome_of
from sidecar.providers.kernel.batch_words import End, end_of, is_at_work
from sidecar.providers.kernel.bodies import encode_json
from sidecar.providers.kernel.errors import refused_response, stream_failure
from sidecar.providers.kernel.json_values import (
    as_mapping,
    moment_ms,
    read_lenient,
    told_count,
    written_out,
)
from sidecar.providers.kernel.said_otherwise import as_id, as_word, told_id, without_envelope
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.result_files import result_files
from sidecar.providers.openai_family.responses_stream import ResponsesReader
from sidecar.providers.openai_family.stream import ChatReader
from sidecar.providers.openai_family.usage import responses_usage

ReadResponse = Callable[[Mapping[str, Any]], Usage | None]
ENDPOINT = "/v1/responses"

# What the reply of either endpoint has: gateways may run the rows at another one.
_REPLIES = frozenset({"output", "choices"})
_STREAMING = frozenset({"stream", "stream_options"})
_RENAMED = {"messages": "input", "max_completion_tokens": "max_output_tokens"}
_NEVER_RAN: Mapping[str, Literal["expired", "cancelled"]] = {
    "batch_expired": "expired",
    "batch_cancelled": "cancelled",
    "batch_canceled": "cancelled",
}


def input_line(custom_id: str, plan: PreparedCall) -> bytes:
    """The row as a line of the input file, without a line end.

    A file goes to one endpoint, and only Responses takes every row: one of chat completions is put into its words.
    """
    body = {name: value for name, value in plan.body.items() if name not in _STREAMING}
    if plan.path == "/chat/completions":
        body = _as_response(body)
    return encode_json({"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body})


def _as_response(body: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"store": False}
    for name, value in body.items():
        if name == "reasoning_effort":
            made["reasoning"] = {"effort": value}
        elif name == "response_format":
            made["text"] = {"format": {"type": value["type"], **value.get("json_schema", {})}}
        else:
            made[_RENAMED.get(name, name)] = value
    return made


def outcome(
    line: Mapping[str, Any], asked: Asked, now_ms: int, read_usage: ReadResponse = responses_usage
) -> BatchResult | None:
    """What came of the row of an output or error line; None for a line that names no row, or says nothing of it."""
    custom_id = told_id(line, "custom_id")
    response, error = as_mapping(written_out(line.get("response"))), as_mapping(line.get("error"))
    if not response and not (custom_id and line.get("error")):
        # Nobody says that it did not run: it is looked for again, and not counted as free.
        return None
    if not response:
        never_ran = _NEVER_RAN.get(str(error.get("code")).lower())
        if never_ran is not None:
            return BatchResult(custom_id, never_ran=never_ran)
        return BatchResult(custom_id, failure=stream_failure(line, asked, produced=False))
    # A gateway may put the reply itself where it stands in an envelope.
    bare = "body" not in response and not _REPLIES.isdisjoint(response)
    status, body = told_count(response.get("status_code")), response if bare else _body(response.get("body"))
    if status is not None and not 200 <= status < 300:
        headers = {"x-request-id": str(response.get("request_id") or "")}
        return BatchResult(
            custom_id, failure=refused_response(status, headers, orjson.dumps(body), asked, now_ms)
        )
    events: Iterable[Event]
    if "choices" in body and "output" not in body:
        chat = ChatReader(asked)
        events = chain(chat.read(SseEvent(orjson.dumps(body).decode())), chat.finish())
    else:
        reader = ResponsesReader(asked, read_usage=read_usage)
        events = chain(reader.take(body), reader.finish())
    return outcome_of(custom_id, events, model=body.get("model"), response_id=body.get("id"))


def _body(told: Any) -> Mapping[str, Any]:
    """The reply, which some gateways write down as a text of JSON."""
    if isinstance(told, str):
        with suppress(ValueError):
            return as_mapping(read_lenient(told))
    return as_mapping(told)


TAG = "abai_part"
# How much earlier than our intent the vendor's clock may put the batch.
CLOCKS_DIFFER_MS = 24 * 3_600 * 1_000

_ENDINGS: Mapping[End, Ending] = {
    "completed": "completed",
    "failed": "refused",
    "expired": "expired",
    "cancelled": "cancelled",
}
# More tokens of the model wait at the vendor than it lets this key have.
_NO_ROOM = "token_limit_exceeded"
_SHOWN_ERRORS = 3


def batch_state(batch: Mapping[str, Any]) -> BatchState | None:
    """The state that a batch object tells; None for what is no batch."""
    batch = without_envelope(batch, "id", "status")
    native_id, word = as_id(batch.get("id")), as_word(batch.get("status"))
    end = _end(batch, word)
    if not native_id or "status" not in batch or not (word or end):
        return None
    # With another's word for an end, this vendor's stands.
    word, unknown = end or word.strip().lower(), end is None and not is_at_work(word)
    counts = as_mapping(batch.get("request_counts"))
    completed, failed = (told_count(counts.get(name)) for name in ("completed", "failed"))
    files = result_files(batch)
    times = (moment_ms(batch.get(f"{name}_at")) for name in _ENDINGS)
    return BatchState(
        native_id=native_id,
        word=word,
        ended=end is not None,
        results_ready=end is not None and _ready(end, completed, failed, bool(files)),
        total=told_count(counts.get("total")),
        # What failed validation has run nothing, told or not.
        completed=0 if end == "failed" and completed is None and not files else completed,
        failed=failed,
        created_at=moment_ms(batch.get("created_at")),
        ended_at=next(filter(None, times), None),
        error=_errors(batch) or (_not_understood(word) if unknown else None),
        ending=None if end is None else _ENDINGS[end],
        no_room=word == "failed" and any(error.get("code") == _NO_ROOM for error in _listed(batch)),
        handles=files,
        names_results=bool(files),
        metadata={str(name): str(value) for name, value in as_mapping(batch.get("metadata")).items()},
    )


def _not_understood(word: str) -> str:
    return (
        f"The state of this batch is called {word[:100]!r}, which is not known here. It is looked at again, and has "
        "ended when it says since when."
    )


def _end(batch: Mapping[str, Any], word: str) -> End | None:
    """This vendor's word for how the batch has ended; None while it is at work.

    Where nobody knows the word, the time of an end says that it has.
    """
    if is_at_work(word):
        return None
    return end_of(word) or next((end for end in _ENDINGS if moment_ms(batch.get(f"{end}_at"))), None)


def is_of(batch: Mapping[str, Any], part: BatchPart) -> bool:
    """Whether this batch is the part's: by our tag on it, or by the file, which was uploaded for nothing else."""
    if as_id(batch.get("id")) in part.others:
        return False
    if as_mapping(batch.get("metadata")).get(TAG) == part.tag:
        return True
    return part.input_file_id is not None and batch.get("input_file_id") == part.input_file_id


class Order:
    """Whether a list comes newest first. The vendor does not promise it, so only what was seen counts."""

    def __init__(self) -> None:
        self._last_ms: int | None = None
        self._falls = False
        self._rises = False

    def only_older_follow(self, page: Sequence[Mapping[str, Any]], since_ms: int) -> bool:
        """Whether this page, the next one in the list, shows that all behind it is older than `since_ms`."""
        times = [moment_ms(batch.get("created_at")) for batch in page]
        told = [created_ms for created_ms in times if created_ms is not None]
        for created_ms in told:
            if self._last_ms is not None:
                self._falls = self._falls or created_ms < self._last_ms
                self._rises = self._rises or created_ms > self._last_ms
            self._last_ms = created_ms
        # Nobody knows how old one is that does not tell.
        old = len(told) == len(times) and all(each < since_ms - CLOCKS_DIFFER_MS for each in told)
        return old and self._falls and not self._rises


def _ready(end: str, completed: int | None, failed: int | None, has_files: bool) -> bool:
    """Whether what came out can be fetched. Where rows have run and no file is named, it is still to come."""
    if has_files or end == "failed":
        return True
    return end != "completed" and not completed and not failed


def _listed(batch: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    told = batch.get("errors")
    listed = as_mapping(told).get("data", told)
    errors = listed if isinstance(listed, list) else [listed] if listed else []
    return [{"message": error} if isinstance(error, str) else as_mapping(error) for error in errors]


def _errors(batch: Mapping[str, Any]) -> str | None:
    """The first of what validation found, in the vendor's words."""
    errors = _listed(batch)
    told = []
    for error in errors[:_SHOWN_ERRORS]:
        line = error.get("line")
        place = f"line {line}: " if isinstance(line, int) else ""
        told.append(f"{place}{error.get('message') or error.get('code') or 'unknown error'}")
    more = len(errors) - _SHOWN_ERRORS
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "") or None
