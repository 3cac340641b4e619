"""The transactions of safeguards: set with the start of a job, passed after its canary, or paused at."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sidecar.batch import safeguard
from sidecar.batch.safeguard import RowTally
from sidecar.store import jobs, safeguards
from sidecar.store.job_records import Job, LimitName, Safeguard, Tripped

# What a canary is for where nobody says: at most half of its rows may fail.
OF_A_CANARY: Mapping[LimitName, float] = {"errorRate": 0.5}


@dataclass(frozen=True, slots=True)
class SafeguardWanted:
    """What a start asks. `canary` are the rows that run first, each with what it may cost; `limits` None keeps those
    that are there. `native`: the other rows go to the vendor's batch service.
    """

    canary: Sequence[tuple[str, Decimal | None]] = ()
    limits: Mapping[LimitName, float] | None = None
    native: bool = False


NOTHING_WANTED = SafeguardWanted()


def arm(
    conn: sqlite3.Connection, job: Job, wanted: SafeguardWanted, *, retry_failed: bool, now: int
) -> Safeguard | None:
    """Set what the job asks before it goes on by itself. Give it, None where nothing is asked."""
    found = at_start(job.safeguard, wanted, retry_failed=retry_failed, now=now)
    if found != job.safeguard:
        safeguards.keep(conn, job.id, found)
    if wanted.canary:
        safeguards.mark(conn, job.id, [row_id for row_id, _ in wanted.canary])
        safeguards.reserve_rows(conn, wanted.canary)
    return found


def at_start(
    kept: Safeguard | None, wanted: SafeguardWanted, *, retry_failed: bool, now: int
) -> Safeguard | None:
    """Return what a job asks from its start on (pure).

    A start is the person's word: it goes past the limits at which the job had paused, and they hold no more. To retry
    the failed rows is no such word: all limits stay, and what was measured of rows that stay failed counts.
    """
    if kept is None and not wanted.canary and not wanted.limits:
        return None
    base = kept or Safeguard(native=wanted.native)
    limits, phase, since = dict(base.limits), base.phase, base.since
    if base.tripped and not retry_failed:
        limits = {name: limit for name, limit in limits.items() if name not in {t.name for t in base.tripped}}
        phase, since = "all", now
    if wanted.limits is not None:
        limits, since = dict(wanted.limits), now
    if wanted.canary:
        if wanted.limits is None and not limits:
            limits = dict(OF_A_CANARY)
        phase, since = "canary", now
    count = len(wanted.canary) or base.canary
    return Safeguard(count, limits, phase, (), base.native or wanted.native, since)


def pass_canary(conn: sqlite3.Connection, job_id: str) -> Job | None:
    """The canary held: all rows may run, from here or at the vendor. Give the job, None where it runs no more."""
    job = jobs.get(conn, job_id)
    if job is None or job.safeguard is None or job.status != "processing":
        return None
    safeguards.keep(conn, job_id, replace(job.safeguard, phase="all"))
    if job.safeguard.native and safeguards.waiting(conn, job_id):
        safeguards.hand_over(conn, job_id, "native")
    return jobs.get(conn, job_id)


def pause(
    conn: sqlite3.Connection,
    job_id: str,
    tripped: Sequence[Tripped],
    tally: RowTally,
    now: int,
    *,
    moving: bool = False,
) -> Job | None:
    """Limits did not hold: nothing more begins until a person starts the job. Its rows wait as they are.

    `moving`: a vendor is at work on some of them, whose results are still to come. None when it is gone or has ended.
    """
    job = jobs.get(conn, job_id)
    if job is None or job.safeguard is None or job.status != "processing":
        return None
    canary = job.safeguard.phase == "canary"
    # What was under way when the limit did not hold has ended since, and is paid too.
    tripped = safeguard.as_it_ended(tripped, tally, job.at_most_usd, whole=canary)
    safeguards.keep(conn, job_id, replace(job.safeguard, tripped=tripped))
    told = safeguard.sentence(tripped, tally, canary=canary, waiting=safeguards.waiting(conn, job_id))
    if moving:
        return jobs.note(conn, job_id, "processing", told, "conflict")
    return jobs.end(conn, job_id, "failed", now=now, error=told, error_kind="conflict")


def goes_to_the_vendor(job: Job, *, retry_failed: bool) -> bool:
    """Whether the vendor gets what a start would send: the canary is over, or the person goes past it (pure).

    To retry the failed rows of a canary that paused runs it from here once more.
    """
    kept = job.safeguard
    if kept is None or not kept.native or job.mode != "local":
        return False
    return kept.phase == "all" or (bool(kept.tripped) and not retry_failed)


def lend(conn: sqlite3.Connection, job_id: str) -> None:
    """A job that a vendor is to run runs its canary from here first."""
    job = jobs.get(conn, job_id)
    if job is not None:
        safeguards.keep(conn, job_id, replace(job.safeguard or Safeguard(), native=True))
        safeguards.hand_over(conn, job_id, "local")


def hand_over(conn: sqlite3.Connection, job_id: str) -> None:
    """A job whose canary ran here is the vendor's from now on."""
    safeguards.hand_over(conn, job_id, "native")
