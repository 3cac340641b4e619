"""What the end of a request means for its row (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.json_output import validate
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.errors import Failure
from sidecar.spending.settlement import Settlement
from sidecar.store.job_records import RowOutcome, RowStatus

_VENDORS_FAILURES = frozenset(
    {
        "invalid_api_key",
        "rate_limited",
        "provider_rejected",
        "provider_unavailable",
        "timeout",
        "context_length_exceeded",
        "content_filtered",
    }
)
CANCELLED = "This row was cancelled while it was being answered. It may have been charged."
INTERNAL = "Something went wrong inside A-B/AI. The log says what; retry the row."


def status_of(kind: str) -> RowStatus:
    """The renderer's word for an error kind."""
    if kind == "missing_api_key":
        return "error-missing-key"
    return "error-api" if kind in _VENDORS_FAILURES else "error"


def answered(
    accumulator: StreamAccumulator,
    settlement: Settlement,
    latency_ms: int,
    wants_json: bool,
    schema: Mapping[str, Any] | None,
) -> RowOutcome:
    """A whole answer. Where JSON was asked for and did not come, the row fails and the reply is kept."""
    problem: Failure | None = None
    if wants_json:
        try:
            validate.read_reply(accumulator.text, schema, accumulator.finish_reason)
        except Failure as failure:
            problem = failure
    return _outcome(
        "success" if problem is None else status_of(problem.kind),
        accumulator,
        settlement,
        latency_ms,
        problem,
    )


def broken(
    problem: BaseException, accumulator: StreamAccumulator, settlement: Settlement, latency_ms: int | None
) -> RowOutcome:
    """An answer that broke off, or never began; what had arrived of it is kept."""
    if isinstance(problem, Failure):
        return _outcome(status_of(problem.kind), accumulator, settlement, latency_ms, problem)
    if isinstance(problem, Exception):
        bug = Failure("internal_error", INTERNAL)
        return _outcome("error", accumulator, settlement, latency_ms, bug)
    cut = Failure("cancelled", CANCELLED) if settlement.state != "failed" else None
    return _outcome("cancelled", accumulator, settlement, latency_ms, cut)


def unsent(failure: Failure) -> RowOutcome:
    """A row that never left, and cost nothing."""
    return RowOutcome(
        status=status_of(failure.kind),
        error_kind=failure.kind,
        error_message=failure.message,
    )


def _outcome(
    status: RowStatus,
    accumulator: StreamAccumulator,
    settlement: Settlement,
    latency_ms: int | None,
    problem: Failure | None,
) -> RowOutcome:
    usage = accumulator.usage
    whole = accumulator.finish_reason is not None
    return RowOutcome(
        status=status,
        response=accumulator.text if whole or accumulator.text else None,
        tokens_in=usage.prompt_total if usage else None,
        tokens_out=usage.out_total if usage else None,
        cost_usd=settlement.known_usd,
        latency_ms=latency_ms,
        error_kind=problem.kind if problem else None,
        error_message=problem.message if problem else None,
        finish_reason=accumulator.finish_reason,
    )
