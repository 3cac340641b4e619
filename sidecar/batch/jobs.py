"""Which moves a job may make, and which rows take part (pure)."""

from __future__ import annotations

from sidecar.errors import Failure
from sidecar.store.job_records import Job, JobStatus, Mode, RowStatus

FAILED_ROWS: tuple[RowStatus, ...] = ("error", "error-missing-key", "error-api")
CANCELLED_ROWS: tuple[RowStatus, ...] = ("cancelled",)


def rows_to_reopen(job: Job, *, retry_failed: bool, mode: Mode = "local") -> tuple[RowStatus, ...]:
    """The rows that wait again when a job is started, or its failed rows are tried again.

    A start does what was not finished: a cancelled job goes on with its cancelled rows. Raises
    Failure("conflict") for a job that somebody else runs, and for one with nothing left to start or to try again.
    """
    refuse_foreign(job, mode)
    if retry_failed:
        _refuse_nothing_failed(job)
        return FAILED_ROWS
    if job.status == "completed":
        raise Failure(
            "conflict", "Every row of this batch has ended. Retry the failed ones, or submit it anew."
        )
    return CANCELLED_ROWS


def _refuse_nothing_failed(job: Job) -> None:
    """A job that failed as a whole goes on without a failed row. No other may send what nobody asked to be sent."""
    if job.failed_rows > 0 or job.status in ("failed", "processing"):
        return
    told = {
        "pending": "This batch has not begun, so no row of it has failed. Start it instead.",
        "cancelled": "No row of this batch has failed. Start it to send the rows that were cancelled.",
        "completed": "No row of this batch has failed, so there is nothing to try again.",
    }
    raise Failure("conflict", told[job.status])


def already_running() -> Failure:
    return Failure("conflict", "This batch is running already. Wait until it ends, or cancel it first.")


def status_at_end(job: Job) -> JobStatus:
    """When no row waits any more. Rows that were cancelled before stay to be started."""
    return "completed" if job.completed_rows + job.failed_rows >= job.total_rows else "cancelled"


def refuse_foreign(job: Job, mode: Mode = "local") -> None:
    """Raises Failure("conflict") for a job that the renderer runs, or that is not run in this mode."""
    if job.source != "sidecar":
        raise Failure("conflict", "The app runs this batch itself. Start or stop it there.")
    if job.mode != mode:
        raise Failure(
            "conflict",
            "A provider runs this batch and decides when its rows are sent. Wait for it, or cancel the batch.",
        )


def refuse_ended(job: Job) -> None:
    """Raises Failure("conflict") for a job that cannot be cancelled any more."""
    if job.status in ("completed", "cancelled"):
        raise Failure(
            "conflict",
            "This batch has ended already, so there is nothing left to cancel. Load the list again.",
        )


def unknown_job() -> Failure:
    """Return what is told of a batch that is not there, wherever it was asked for."""
    return Failure("not_found", "There is no such batch; it may have been deleted. List the batches anew.")


def stored_not_started(reason: str) -> str:
    """What is told of a batch that was handed in to be run at once, and whose start was refused for that reason."""
    return f"{reason} The batch itself is stored: start it then, and do not submit it again."


def not_known_yet(job: Job) -> Failure:
    """For a job of which nobody can say yet whether the provider has it."""
    return Failure(
        "conflict",
        "It is not known yet whether the provider has received this batch. It is being looked for: see the list of "
        "batches, and do not submit it again.",
        detail=job.id,
    )


def refuse_native_start(job: Job, *, at_work: bool, sending: bool, retry_failed: bool) -> None:
    """Raise Failure("conflict") where nothing of a job at its vendor may be sent now (pure).

    `at_work`: the vendor has parts of it that have not ended. Rows that failed in other parts can travel again
    meanwhile, and those before which the job had paused.
    """
    paused = job.safeguard is not None and bool(job.safeguard.tripped)
    beside = job.status == "processing" and (paused or (retry_failed and job.failed_rows > 0))
    if sending or (at_work and job.status == "processing" and not beside):
        raise already_running()
    if at_work and not beside:
        raise Failure(
            "conflict", "The provider is still at work on rows of this batch. Wait until it has ended them."
        )
