"""What the end of a request means for its row (pure)."""

from __future__ import annotations

from dataclasses import replace

from sidecar.chat import labels
from sidecar.chat.stream_accumulator import StreamAccumulator
from sidecar.errors import Failure
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.shortages import shortage
from sidecar.store.job_records import RowOutcome, RowStatus
from sidecar.store.records import Settlement

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
UNCHECKED = (
    "This row was cancelled while its answer was held against the schema. The answer is kept unchecked."
)
INTERNAL = "Something went wrong inside A-B/AI. The log says what; retry the row."


def status_of(kind: str) -> RowStatus:
    """The renderer's word for an error kind."""
    if kind == "missing_api_key":
        return "error-missing-key"
    return "error-api" if kind in _VENDORS_FAILURES else "error"


def answered(accumulator: StreamAccumulator, settlement: Settlement, latency_ms: int | None) -> RowOutcome:
    """A whole answer, as it came. One without a word, or that the vendor says is an error, is no success."""
    problem = _no_answer(accumulator)
    status = "success" if problem is None else status_of(problem.kind)
    answer = _outcome(status, accumulator, settlement, latency_ms, problem)
    # That there is a reason for its end is how an answer is known that is stored and not read yet.
    return replace(answer, finish_reason=answer.finish_reason or "stop")


def _no_answer(accumulator: StreamAccumulator) -> Failure | None:
    finish = accumulator.finish_reason
    if not accumulator.text.strip():
        return Failure("invalid_output", labels.instead_of_text(finish or "stop", None).strip("[]"))
    if finish == "error":
        return Failure(
            "provider_unavailable", "The model stopped in the middle of this answer. Retry the row."
        )
    return None


def judged(answer: RowOutcome, problem: Failure | None) -> RowOutcome:
    """An answer whose JSON was read. Where it is not what was asked for, the row fails and keeps the reply."""
    if problem is None:
        return answer
    return replace(
        answer, status=status_of(problem.kind), error_kind=problem.kind, error_message=problem.message
    )


def unchecked(answer: RowOutcome) -> RowOutcome:
    """An answer that was kept, and whose row was cancelled before it was read."""
    return replace(answer, status="cancelled", error_kind="cancelled", error_message=UNCHECKED)


def broken(
    problem: BaseException, accumulator: StreamAccumulator, settlement: Settlement, latency_ms: int | None
) -> RowOutcome:
    """An answer that broke off, or never began; what had arrived of it is kept."""
    if isinstance(problem, Failure):
        return _outcome(status_of(problem.kind), accumulator, settlement, latency_ms, problem)
    if isinstance(problem, Exception):
        bug = shortage(problem) or Failure("internal_error", INTERNAL)
        return _outcome("error", accumulator, settlement, latency_ms, bug)
    cut = Failure("cancelled", CANCELLED) if settlement.state != "failed" else None
    return _outcome("cancelled", accumulator, settlement, latency_ms, cut)


def asks_again(problem: BaseException, accumulator: StreamAccumulator) -> bool:
    """Whether an answer broke off, so that its row may be asked again: no refusal, and no answer that never began."""
    if not isinstance(problem, OutcomeUnknown) or not problem.broke_off:
        return False
    # Who let the whole patience pass without a word would do so once more.
    return problem.kind != "timeout" or accumulator.begun


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
        tokens_out=usage.out_total if usage and accumulator.usage_is_final else None,
        cost_usd=settlement.known_usd,
        latency_ms=latency_ms,
        error_kind=problem.kind if problem else None,
        error_message=problem.message if problem else None,
        finish_reason=accumulator.finish_reason,
    )
