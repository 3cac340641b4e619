"""What a JSON-RPC 2.0 request looks like, and the six ways in which clients write its params (pure)."""

from __future__ import annotations

from typing import Any, NamedTuple

from sidecar.errors import Failure
from sidecar.rpc.codec import MAX_VALUES, BadJson, recover_id
from sidecar.rpc.framing import BadFrame, Oversized

_BAD_JSON = {
    "syntax": "The message is not JSON. Send one JSON-RPC 2.0 request in each frame.",
    "encoding": "The message is not UTF-8. Send JSON-RPC 2.0 requests encoded as UTF-8.",
    "number": "The message holds a number that is too large or that JSON does not have. Send finite numbers.",
    "depth": "The message is nested too deep. Send it with fewer levels.",
    "values": f"The message holds more than {MAX_VALUES:,} values. Send it in smaller parts.",
}


class Request(NamedTuple):
    """A request as it was sent. `id` means nothing for a notification."""

    method: str
    params: Any
    id: Any
    is_notification: bool


def read_request(message: Any) -> Request:
    """Raises Failure("invalid_request"). Members that are not known are ignored."""
    if not isinstance(message, dict):
        raise _invalid("A request must be a JSON object.")
    if message.get("jsonrpc") != "2.0":
        raise _invalid('A request must say "jsonrpc": "2.0".')
    method = message.get("method")
    if not isinstance(method, str):
        raise _invalid("A request must name its method in a text.")
    found = message.get("id")
    if found is not None and not _is_id(found):
        raise _invalid("The id of a request must be a text, a number or null.")
    params = message.get("params")
    if params is not None and not isinstance(params, (dict, list)):
        raise _invalid("The params of a request must be an object or a list.")
    return Request(method, params, found, found is None and "id" not in message)


def id_of(message: Any) -> Any:
    """The id with which something that is not a request is answered."""
    found = message.get("id") if isinstance(message, dict) else None
    return found if _is_id(found) else None


def named_params(params: Any) -> dict[str, Any] | None:
    """An object or nothing, whichever way it was sent. Raises Failure("invalid_params") for positions."""
    if isinstance(params, list):
        if len(params) > 1 or (params and not isinstance(params[0], dict | None)):
            raise Failure(
                "invalid_params",
                "Parameters are taken by name, not by position. Send one object.",
                issues=[{"path": "", "message": "must be an object"}],
            )
        return params[0] if params else None
    return params if isinstance(params, dict) else None


def cancelled_ids(params: Any) -> tuple[Any, ...]:
    """The id that a `$/cancelRequest` names, by name or by position; nothing when there is none."""
    if isinstance(params, list) and len(params) == 1:
        params = params[0] if isinstance(params[0], dict) else {"id": params[0]}
    if isinstance(params, dict) and "id" in params and _is_id(params["id"]):
        return (params["id"],)
    return ()


def progress_token(params: Any) -> str | int | None:
    """The token under which a request wants its progress, if it does."""
    token = params.get("partialResultToken") if isinstance(params, dict) else None
    return token if isinstance(token, (str, int)) and not isinstance(token, bool) else None


def refusal(problem: BadJson | Oversized | BadFrame, max_bytes: int) -> tuple[Failure, Any]:
    """What a frame that cannot be read is answered with, and the id of the answer."""
    if isinstance(problem, BadJson):
        kind = "message_too_large" if problem.reason == "values" else "parse_error"
        return Failure(kind, _BAD_JSON[problem.reason]), problem.id
    if isinstance(problem, BadFrame):
        return Failure(
            "parse_error",
            f"The bytes received are not a frame: {problem.reason}. Send one JSON object a line.",
        ), None
    text = f"The message has {problem.size} bytes; at most {max_bytes} are taken. Send it in smaller parts."
    return Failure("message_too_large", text), recover_id(problem.head, problem.tail)


def _is_id(value: Any) -> bool:
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


def _invalid(sentence: str) -> Failure:
    return Failure("invalid_request", f"{sentence} What arrived is not a JSON-RPC 2.0 request.")
