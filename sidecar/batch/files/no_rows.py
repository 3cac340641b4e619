"""Objects that are something else than rows: told as what they are, before one of their members is asked (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from sidecar.batch.files.other_texts import LINK

_RESULT = (
    "This is a line of the results of a batch, which has an answer and no question. "
    "Import the file that the batch was made from."
)
_ERROR = "This is what a server says of an error, and no row. Download the file once more, and import that."
_NOTEBOOK = "This is a notebook. Have it write its prompts as CSV, JSON or JSON Lines, and import those."
_TALK = (
    "This is a conversation with another program, and no row of questions. Import it as a conversation, or give a "
    "table of questions."
)
_NAMES_OF_RESULTS = ("custom_id", "key", "batch_request_id")
_TOLD = ("body", "type", "candidates", "response", "message", "status_code")
# All that an object has which only tells of an error.
_ERROR_MEMBERS = frozenset(
    {
        "error",
        "errors",
        "message",
        "detail",
        "details",
        "status",
        "statusCode",
        "status_code",
        "code",
        "type",
        "path",
    }
    | {"timestamp", "request_id", "requestId", "success", "ok", "title", "instance"}
)


def is_error(names: Set[str]) -> bool:
    """Whether an object with members of these names tells of an error alone."""
    return bool({"error", "errors"} & names) and names <= _ERROR_MEMBERS


def why_none(record: Mapping[str, Any]) -> str | None:
    """Return what an object is that is no row, and what to do; None for one that may be a row."""
    if "prompt" in record:
        return None
    if is_result(record):
        return _RESULT
    if is_error(record.keys()):
        return _ERROR
    if "doc_id" in record and "url" in record:
        return LINK
    if isinstance(record.get("cells"), list) and "nbformat" in record:
        return _NOTEBOOK
    is_talk = isinstance(record.get("mapping"), Mapping) or isinstance(record.get("chat_messages"), list)
    return _TALK if is_talk or {"conversation", "responses"} <= record.keys() else None


def is_result(record: Mapping[str, Any], *, named: bool = False) -> bool:
    """Whether an object is a line of the results of a vendor's batch; `named` is whether it stands under its name."""
    if not named and not any(name in record for name in _NAMES_OF_RESULTS):
        return False
    if any(
        isinstance(record.get(name), Mapping) for name in ("params", "request", "batch_request", "modelInput")
    ):
        return False
    places = (record.get(name) for name in ("response", "result", "batch_result"))
    answered = next((each for each in places if isinstance(each, Mapping)), None)
    if answered is not None:
        return any(name in answered for name in _TOLD)
    return isinstance(record.get("error"), Mapping) and not isinstance(record.get("body"), Mapping)
