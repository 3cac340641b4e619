"""What we use of jsonrpcserver, without what its face pulls in: the only module that imports it.

The package's `__init__` builds a jsonschema validator and imports an HTTP server, half of all that is imported before
the first answer; we check envelopes ourselves and serve a pipe. So the package is entered as a folder, and of it only
the dispatcher of single requests, its results and its responses are loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec, module_from_spec
from inspect import Parameter, Signature
from typing import Any, Generic, TypeVar, cast

if "jsonrpcserver" not in sys.modules:
    _spec = find_spec("jsonrpcserver")
    assert _spec is not None, "jsonrpcserver is not installed"
    sys.modules["jsonrpcserver"] = module_from_spec(_spec)

from jsonrpcserver.async_dispatcher import dispatch_request
from jsonrpcserver.dispatcher import to_response
from jsonrpcserver.request import Request as LibraryRequest
from jsonrpcserver.response import to_serializable
from jsonrpcserver.result import Error, Result, Success
from jsonrpcserver.sentinels import NOID

__all__ = ["Error", "Result", "Success", "response_to"]

C = TypeVar("C")


async def response_to(
    method: str,
    id: Any,  # noqa: A002
    is_notification: bool,
    context: C,
    outcome: Callable[[C], Awaitable[Result]],
) -> dict[str, Any]:
    """Return the response to a request whose outcome is the context's. One to a notification is not for sending."""
    asked = LibraryRequest(method, [], NOID if is_notification else id)
    _, result = await dispatch_request({method: _Method(outcome)}, context, asked)
    return cast("dict[str, Any]", to_serializable(to_response(asked, result)))


class _Method(Generic[C]):
    """What jsonrpcserver calls. It asks for the signature at each call; finding it out anew is slow.

    Every name is one of its methods: its own answer to an unknown one would not be ours.
    """

    __signature__ = Signature([Parameter("context", Parameter.POSITIONAL_ONLY)])

    def __init__(self, outcome: Callable[[C], Awaitable[Result]]) -> None:
        self._outcome = outcome

    def __call__(self, context: C) -> Awaitable[Result]:
        return self._outcome(context)
