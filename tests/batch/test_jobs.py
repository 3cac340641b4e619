from __future__ import annotations

from typing import Any

import pytest

from sidecar.batch import jobs as moves
from sidecar.batch.row_outcomes import status_of
from sidecar.contract.errors import ERRORS
from sidecar.errors import Failure
from sidecar.store.job_records import Job

NATIVE, RENDERER = {"mode": "native"}, {"source": "renderer"}


def _job(**members: Any) -> Job:
    return Job("j", "p", 0, **members)


@pytest.mark.parametrize(
    ("status", "retry_failed", "reopened"),
    [
        ("pending", False, ("cancelled",)),
        ("failed", False, ("cancelled",)),
        ("cancelled", False, ("cancelled",)),
        ("processing", False, ("cancelled",)),
        ("completed", True, ("error", "error-missing-key", "error-api")),
        ("cancelled", True, ("error", "error-missing-key", "error-api")),
        ("failed", True, ("error", "error-missing-key", "error-api")),
    ],
)
def test_a_start_does_what_was_not_finished_and_a_retry_what_failed(
    status: Any, retry_failed: bool, reopened: tuple[str, ...]
) -> None:
    job = _job(status=status, failed_rows=1)
    assert moves.rows_to_reopen(job, retry_failed=retry_failed) == reopened


@pytest.mark.parametrize("status", ["failed", "processing"])
def test_a_job_that_failed_as_a_whole_goes_on_when_it_is_tried_again(status: Any) -> None:
    assert moves.rows_to_reopen(_job(status=status), retry_failed=True)


@pytest.mark.parametrize(
    ("members", "retry_failed"),
    [({"status": "completed"}, False), (RENDERER, False), (RENDERER, True)],
)
def test_what_cannot_be_started_is_a_conflict(members: dict[str, Any], retry_failed: bool) -> None:
    with pytest.raises(Failure) as refused:
        moves.rows_to_reopen(_job(**members), retry_failed=retry_failed)
    assert refused.value.kind == "conflict"


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_what_has_ended_cannot_be_cancelled(status: Any) -> None:
    with pytest.raises(Failure):
        moves.refuse_ended(_job(status=status))


@pytest.mark.parametrize(
    ("completed", "failed", "status"),
    [(3, 0, "completed"), (1, 2, "completed"), (0, 3, "completed"), (2, 0, "cancelled")],
)
def test_a_job_is_complete_when_every_row_has_ended_well_or_not(
    completed: int, failed: int, status: str
) -> None:
    job = _job(status="processing", total_rows=3, completed_rows=completed, failed_rows=failed)
    assert moves.status_at_end(job) == status


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_every_error_has_a_word_of_the_renderers(kind: str) -> None:
    vendors = {
        "invalid_api_key", "rate_limited", "provider_rejected", "provider_unavailable", "timeout",
        "context_length_exceeded", "content_filtered",
    }  # fmt: skip
    expected = (
        "error-missing-key" if kind == "missing_api_key" else "error-api" if kind in vendors else "error"
    )
    assert status_of(kind) == expected
