"""What is to be done next about a part of a job, from what is known of it (pure).

A part is in one of these places: `unasked` (its creation was certainly not asked for), `asked` (it may have been),
`doubtful`, `at work` (the vendor's id is known), `ended`, `refused` (it was not created), `closed` (so are its rows).
Its job is `running`, `cancelled` or `gone`; `any` is one of the first two, or of the places. What is observed is what
the vendor said to the last look, or what came of a sending.

    part      job        observed                            next
    --------  ---------  ----------------------------------  ---------------------------------------
    closed    any        nothing                             -
    unasked   gone       nothing                             -
    at work   gone       at work                             -
    any       any        shutting down                       -
    any       any        sent, shutting down                 -
    unasked   running    nothing                             Send
    unasked   cancelled  nothing                             Refuse: cancelled
    refused   any        nothing                             Refuse: as it was refused
    asked     any        found                               Adopt: look soon
    asked     any        found, another part's               MarkUncertain: look at last
    asked     any        absent                              Wait: until an absence counts
    asked     running    absent, long enough                 Send
    asked     cancelled  absent, long enough                 Refuse: cancelled
    asked     any        perhaps absent                      MarkUncertain: look later
    asked     running    perhaps absent, for days            MarkUncertain: look later
    asked     cancelled  perhaps absent, for days            WriteOff
    doubtful  any        found                               Adopt: look soon
    doubtful  running    absent, long enough                 Send
    doubtful  cancelled  absent, long enough                 Refuse: cancelled
    doubtful  any        perhaps absent                      MarkUncertain: look later
    doubtful  cancelled  perhaps absent, for days            WriteOff
    unasked   any        sent                                Wait: soon
    unasked   any        sent, perhaps arrived               Wait: a moment, with the reason
    unasked   any        sent, refused for good              Refuse: for the reason
    unasked   any        sent, refused for now               Wait: later, with the reason
    unasked   any        sent, refused for now, one attempt  Refuse: for the reason
    unasked   any        sent, key refused                   Wait: later, with the reason
    at work   running    at work                             Wait: later
    at work   cancelled  at work                             AskToStop: look later
    at work   cancelled  at work, was asked to stop          Wait: later
    ended     any        ended, with results                 Collect
    ended     any        ended, no results yet               Wait: later
    ended     any        ended, no results for a day         Collect
    at work   any        failure                             Wait: later, with the reason
    at work   any        failure, with a hint                Wait: as long as asked, with the reason
    at work   running    not found                           Wait: later, with the reason
    at work   cancelled  not found                           WriteOff
    at work   running    no key, for days                    Wait: later, with the reason
    at work   cancelled  no key, for days                    WriteOff
    at work   cancelled  failure, for days                   Wait: later, with the reason
    asked     cancelled  failure                             Wait: later, with the reason
    asked     running    failure, for days                   Wait: later, with the reason
    asked     cancelled  failure, for days                   WriteOff

`Send` is carried out and observed in turn. `Wait`, `Adopt`, `AskToStop` and `MarkUncertain` are followed by another
look at the vendor; after `Collect`, `WriteOff` and `Refuse`, and where the table says `-`, nothing is left to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidecar.errors import Failure
from sidecar.providers.base import BatchState, LookupResult
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.store.job_records import Job
from sidecar.store.vendor_batches import VendorBatch

FIRST_WAIT_MS = 1_000
LONGEST_WAIT_MS = 300_000
# A creation that was cut off may still be going on at the vendor, and its lists may lag behind: an absence counts
# only when so much time has passed.
SETTLING_MS = 30_000
# The first look after a creation was not answered.
FIRST_LOOK_MS = 2_000
# A person has given up on it: after so long no vendor is at work on it any more, and nobody looks for it.
LONGEST_DOUBT_MS = 48 * 3_600_000
# An ended batch whose results are still not there after so long has none.
PATIENCE_MS = 24 * 3_600_000
# What may be otherwise in a while: by itself, or because the person saw to it.
_KEY = frozenset({"missing_api_key", "invalid_api_key"})
_PASSING = frozenset({"rate_limited", "provider_unavailable", "timeout", "storage_error"})


@dataclass(frozen=True, slots=True)
class Adopt:
    """The vendor has it: write down under which id, and look again after `wait_ms`."""

    state: BatchState
    wait_ms: int


@dataclass(frozen=True, slots=True)
class Send:
    """Hand it over, once, and observe what comes of that."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after `wait_ms`. `trouble` is what keeps it from going on; `silent` leaves what the job says of it."""

    wait_ms: int
    trouble: Failure | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Collect:
    """Fetch what came of its rows; those without a result have none."""

    state: BatchState


@dataclass(frozen=True, slots=True)
class AskToStop:
    """Nobody wants it any more: ask the vendor to stop, and look again after `wait_ms`."""

    native_id: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class MarkUncertain:
    """Nobody can say whether the vendor has it: the job waits for a person, who reads the `sentence`."""

    sentence: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Close it without results: nobody waits for it, and what it cost, if anything, nobody will know."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It was certainly not created and never will be: close it, at no cost, for the reason."""

    reason: Failure


Action = Adopt | Send | Wait | Collect | AskToStop | MarkUncertain | WriteOff | Refuse


@dataclass(frozen=True, slots=True)
class Sent:
    """It was handed over; `failure` is what came in place of the vendor's id."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was found for the part belongs to another part, as the `note` says."""

    note: str


Observed = LookupResult | BatchState | Sent | Taken | Failure | None
"""The vendor's answer to a look, what came of a sending, why the vendor could not be asked, or nothing yet."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a vendor is asked. `fixed_ms` takes the place of waits that grow, for tests and demonstrations."""

    fixed_ms: int | None = None

    @property
    def soon_ms(self) -> int:
        """Milliseconds until the first look at what a vendor has."""
        return FIRST_WAIT_MS if self.fixed_ms is None else self.fixed_ms

    @property
    def first_look_ms(self) -> int:
        """Milliseconds until the first look for what a vendor may have."""
        return FIRST_LOOK_MS if self.fixed_ms is None else self.fixed_ms

    @property
    def settling_ms(self) -> int:
        """Milliseconds after which an absence counts."""
        return SETTLING_MS if self.fixed_ms is None else min(self.fixed_ms, SETTLING_MS)

    def later_ms(self, looks: int, hint_ms: int | None = None) -> int:
        """Return the milliseconds until the look after so many. What the vendor asks for wins if longer."""
        # The exponent is bounded so that a large number of looks stays a small number.
        grown = min(FIRST_WAIT_MS << min(looks, 20), LONGEST_WAIT_MS)
        return max(grown if self.fixed_ms is None else self.fixed_ms, hint_ms or 0)


def must_ask(part: VendorBatch) -> Literal["find", "check"] | None:
    """Return what the vendor must be asked before anything is decided: where the part is, how it is, or nothing."""
    if part.state in ("intent", "doubtful"):
        # It cannot have arrived before its creation was asked for, which is written down.
        return "find" if part.submitted_at is not None else None
    return "check" if part.native_id is not None and not is_closed(part) else None


def is_closed(part: VendorBatch) -> bool:
    """Return whether nothing is left to do about the part."""
    return part.state in ("collected", "failed")


def next_action(
    part: VendorBatch,
    job: Job | None,
    observed: Observed,
    now: int,
    pace: Pace,
    *,
    looks: int = 0,
    one_attempt: bool = False,
    asked_to_stop: bool = False,
) -> Action | None:
    """Return what is to be done, None when nothing is left to do; the table above says it row by row.

    `looks` is how often the vendor was asked by this run. With `one_attempt` somebody waits to hear whether the part
    is taken and will decide himself about another attempt. `asked_to_stop`: the vendor has heard it from this run.
    """
    if job is None or is_closed(part):
        return None
    wanted = job.status != "cancelled"
    match observed:
        case Failure(kind="shutting_down") | Sent(failure=Failure(kind="shutting_down")):
            return None
        case Failure():
            return _hindered(part, observed, now, pace.later_ms(looks, observed.retry_after_ms), wanted)
        case None:
            return _unasked(part, wanted)
        case LookupResult():
            return _looked_for(part, observed, now, pace, looks, wanted)
        case Taken():
            return MarkUncertain(in_doubt(part, observed.note), LONGEST_WAIT_MS)
        case Sent():
            return _sent(part, observed.failure, now, pace, looks, wanted, one_attempt)
        case BatchState():
            return _checked(part, observed, now, pace.later_ms(looks), wanted or asked_to_stop)


def in_doubt(part: VendorBatch, note: str) -> str:
    """Return the sentence for a part that the vendor may or may not have."""
    known = f" {note.strip()}" if note.strip() else ""
    rows = "1 row" if part.rows == 1 else f"{part.rows} rows"
    return (
        f"It is not certain whether {part.provider} has received the part of {rows} named {part.tag}, so it is not "
        f"sent again: it might be paid twice.{known} Start the batch to ask again, or cancel it."
    )


def cancelled() -> Failure:
    """Return why a row of a cancelled job has no answer."""
    return Failure("cancelled", "The batch was cancelled before this row was sent.")


def _unasked(part: VendorBatch, wanted: bool) -> Action:
    if part.state == "ended":
        return Refuse(
            Failure(part.vendor_status or "provider_rejected", part.error or "The batch was refused.")
        )
    return Send() if wanted else Refuse(cancelled())


def _looked_for(
    part: VendorBatch, found: LookupResult, now: int, pace: Pace, looks: int, wanted: bool
) -> Action:
    if found.state is not None:
        return Adopt(found.state, pace.soon_ms)
    passed = _since_asked(part, now)
    if not found.certain:
        if not wanted and passed > LONGEST_DOUBT_MS:
            return WriteOff()
        return MarkUncertain(in_doubt(part, found.note), pace.later_ms(looks))
    if passed < pace.settling_ms:
        return Wait(pace.settling_ms - passed, silent=True)
    return Send() if wanted else Refuse(cancelled())


def _sent(
    part: VendorBatch,
    failure: Failure | None,
    now: int,
    pace: Pace,
    looks: int,
    wanted: bool,
    one_attempt: bool,
) -> Action:
    if failure is None:
        return Wait(pace.soon_ms)
    if isinstance(failure, OutcomeUnknown):
        return Wait(pace.first_look_ms, failure)
    if one_attempt or not _may_pass(failure):
        return Refuse(failure)
    return _hindered(part, failure, now, pace.later_ms(looks, failure.retry_after_ms), wanted)


def _checked(part: VendorBatch, state: BatchState, now: int, wait_ms: int, left_alone: bool) -> Action:
    if state.ended:
        waited = 0 if part.ended_at is None else now - part.ended_at
        return Collect(state) if state.results_ready or waited > PATIENCE_MS else Wait(wait_ms)
    return Wait(wait_ms) if left_alone else AskToStop(state.native_id, wait_ms)


def _hindered(part: VendorBatch, failure: Failure, now: int, wait_ms: int, wanted: bool) -> Action:
    lost = part.native_id is not None and (failure.kind == "not_found" or failure.status == 404)
    # No vendor is at work on it any more, and nothing can be learnt of it as things stand.
    hopeless = _since_asked(part, now) > LONGEST_DOUBT_MS and (part.native_id is None or failure.kind in _KEY)
    return WriteOff() if not wanted and (lost or hopeless) else Wait(wait_ms, failure)


def _since_asked(part: VendorBatch, now: int) -> int:
    return 0 if part.submitted_at is None else max(0, now - part.submitted_at)


def _may_pass(failure: Failure) -> bool:
    """Whether the same may succeed later."""
    if failure.kind in _KEY:
        return True
    return failure.kind in _PASSING if failure.retryable is None else failure.retryable
