"""The one place where an exception becomes what the client sees of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from sidecar.errors import Failure, StoppedRequest
from sidecar.shortages import shortage_behind

log = logging.getLogger("sidecar.rpc")

Explain = Callable[[BaseException], Awaitable[BaseException]]
"""Gives what a person is told of an exception: a Failure where somebody knows better, else the exception itself."""


class ErrorRow(Protocol):
    """A row of the table of errors: its code, whether trying again may help, a sentence for a person."""

    @property
    def code(self) -> int: ...
    @property
    def retryable(self) -> bool: ...
    @property
    def sentence(self) -> str: ...


def to_wire_error(error: BaseException, errors: Mapping[str, ErrorRow], method: str = "") -> dict[str, Any]:
    """The `error` member of a response. What is not a Failure is logged with its trace and keeps its text."""
    lacking = shortage_behind(error)
    if lacking is not None:
        log.warning("%r was not carried out: %s", method[:100], lacking.message)
        error = lacking
    if isinstance(error, Failure) and error.kind in errors:
        row = errors[error.kind]
        data = {"kind": error.kind, "retryable": row.retryable, **error.data()}
        return {"code": row.code, "message": error.message, "data": data}
    kind = "cancelled" if isinstance(error, asyncio.CancelledError) else "internal_error"
    if kind == "internal_error":
        log.error("a bug in %r", method[:100], exc_info=error)
    row = errors[kind]
    costs = error.data() if isinstance(error, StoppedRequest) else {}
    data = {"kind": kind, "retryable": row.retryable, **costs}
    return {"code": row.code, "message": row.sentence, "data": data}
