"""What is to be done next about a part of a job, from what is known of it (pure).

A part is in one of these places: `unasked` (its creation was certainly not asked for), `waiting` (so too, because its
vendor had no room for it), `asked` (it may have been), `doubtful`, `aside` and `suspect` (as `unasked` and `asked`, but
its sending has taken the process with it too often), `at work` (the vendor's id is known), `stopping` (the vendor has
heard that it is to stop), `ended`, `refused` (it was not created), `closed` (so are its rows).
Its job is `running`, `cancelled` or `gone`; `any` is one of the first two, or of the places. What is observed is what
the vendor said to the last look, or what came of a sending, of asking it to stop, or of reading its results.

    part      job        observed                            next
    --------  ---------  ----------------------------------  ---------------------------------------
    closed    any        nothing                             -
    unasked   gone       nothing                             -
    at work   gone       at work                             -
    any       any        shutting down                       -
    any       any        sent, shutting down                 -
    unasked   running    nothing                             Send
    unasked   cancelled  nothing                             Refuse: cancelled
    waiting   running    others at work                      Wait: later, for room
    waiting   running    nothing                             Send
    waiting   cancelled  others at work                      Refuse: cancelled
    refused   any        nothing                             Refuse: as it was refused
    asked     any        found                               Adopt: look soon
    asked     any        found, another part's               MarkUncertain: look at last
    asked     any        absent                              Wait: until an absence counts
    asked     running    absent, long enough                 Send
    asked     cancelled  absent, long enough                 Refuse: cancelled
    asked     any        absent for certain                  Wait: until a creation is over
    asked     running    absent for certain, long enough     Send
    asked     any        perhaps absent                      MarkUncertain: look later
    asked     running    perhaps absent, for days            MarkUncertain: look later
    asked     cancelled  perhaps absent, for days            WriteOff
    doubtful  any        found                               Adopt: look soon
    doubtful  running    absent, long enough                 Send
    doubtful  cancelled  absent, long enough                 Refuse: cancelled
    doubtful  any        perhaps absent                      MarkUncertain: look later
    doubtful  cancelled  perhaps absent, for days            WriteOff
    suspect   any        found                               Adopt: look soon
    aside     running    nothing                             MarkUncertain: set aside
    aside     cancelled  nothing                             Refuse: cancelled
    suspect   running    absent, long enough                 MarkUncertain: set aside
    suspect   cancelled  absent, long enough                 Refuse: cancelled
    unasked   any        sent                                Wait: soon
    unasked   any        sent, perhaps arrived               Wait: a moment, with the reason
    unasked   any        sent, refused for good              Refuse: for the reason
    unasked   any        sent, refused for now               Wait: later, with the reason
    unasked   any        sent, refused for now, one attempt  Refuse: for the reason
    unasked   any        sent, input not there yet           Wait: later, with the reason
    unasked   any        sent, input never there             Refuse: for the reason
    unasked   any        sent, key refused                   Wait: later, with the reason
    at work   running    at work                             Wait: later
    at work   running    at work, with a word                Wait: later, with the word
    at work   cancelled  nothing                             AskToStop
    at work   cancelled  at work                             AskToStop
    at work   cancelled  stop heard                          Wait: soon
    at work   cancelled  stop not heard                      Wait: later, with the reason
    at work   cancelled  stop not heard, for days            WriteOff
    stopping  cancelled  at work                             Wait: later
    stopping  cancelled  at work, for long                   AskToStop
    stopping  cancelled  at work, stopping, for long         Wait: later
    stopping  cancelled  not found                           Wait: later, with the reason
    stopping  cancelled  not found, for days                 WriteOff
    ended     any        ended, with results                 Collect
    ended     any        ended, no results yet               Wait: later
    ended     any        ended, no results, many looks       Wait: later, for results
    ended     any        ended, no results for a day         Collect: at last
    ended     any        ended long ago, first look          Wait: later
    ended     any        ended early, nothing named          Wait: later
    ended     any        ended early, nothing named for long Collect: at last
    ended     any        ended early, nothing counted        Collect
    ended     any        ended, results gone                 Collect: at last
    ended     running    ended, no room                      PutBack: look later
    ended     cancelled  ended, no room                      Collect
    ended     any        results unread                      Wait: later, with the reason
    at work   any        failure                             Wait: later, with the reason
    at work   any        failure, with a hint                Wait: as long as asked, with the reason
    at work   any        not found                           Wait: later, with the reason
    at work   running    not found, for days                 Wait: later, with the reason
    at work   cancelled  not found, for days                 WriteOff
    at work   running    no key, for days                    Wait: later, with the reason
    at work   cancelled  no key, for days                    WriteOff
    at work   cancelled  failure, for days                   Wait: later, with the reason
    asked     cancelled  failure                             Wait: later, with the reason
    asked     running    failure, for days                   Wait: later, with the reason
    asked     cancelled  failure, for days                   WriteOff

`Send`, `AskToStop` and `Collect` are carried out and observed in turn. `Wait`, `Adopt`, `PutBack` and `MarkUncertain`
are followed by another look at the vendor; after `WriteOff` and `Refuse`, after a `Collect` that found everything or
was the last, and where the table says `-`, nothing is left to do.
"""

from __future__ import annotations

from typing import Literal

from sidecar.batch.native import interruptions, reasons
from sidecar.batch.native.actions import (
    Action,
    Adopt,
    AskToStop,
    Collect,
    Crowded,
    MarkUncertain,
    Observed,
    PutBack,
    Refuse,
    Send,
    Sent,
    Stopped,
    Taken,
    Tried,
    Wait,
    WriteOff,
)
from sidecar.batch.native.pace import LONGEST_WAIT_MS, Pace
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState, LookupResult
from sidecar.providers.kernel.outcome import NotYet, OutcomeUnknown
from sidecar.store.job_records import Job, VendorBatch

# A person has given up on it: after so long no vendor is at work on it any more, and nobody looks for it.
LONGEST_DOUBT_MS = 48 * 3_600_000
# An ended batch whose results are still not there, or not whole, after so long and so many looks has none.
PATIENCE_MS = 24 * 3_600_000
FEWEST_LOOKS = 10
# So often one that ended early is asked for results that it names nowhere.
NAMELESS_LOOKS = 5
# So often a creation finds its input missing while somebody waits for it.
MOST_NOT_YET = 5
# What may be otherwise in a while: by itself, or because the person saw to it.
_KEY = frozenset({"missing_api_key", "invalid_api_key"})
# Not even at last do these say anything of a batch's results.
NOT_THE_RESULTS = frozenset({*_KEY, "rate_limited", "timeout", "storage_error"})
_PASSING = frozenset({"rate_limited", "provider_unavailable", "timeout", "storage_error"})


def must_ask(part: VendorBatch, job: Job | None) -> Literal["find", "check", "room"] | None:
    """Return what must be asked before anything is decided, or None.

    find: where the part is; check: how it is; room: whether others of its model are at the vendor.
    """
    if part.state in ("intent", "doubtful"):
        # It cannot have arrived before its creation was asked for, which is written down.
        if part.submitted_at is not None:
            return "find"
        return "room" if part.refused_id is not None else None
    if part.native_id is None or is_closed(part):
        return None
    return None if must_stop(part, job) else "check"


def must_stop(part: VendorBatch, job: Job | None) -> bool:
    """Return whether the vendor is at work on what nobody wants any more, and has not heard so."""
    cancelled = job is not None and job.status == "cancelled"
    return cancelled and part.state == "submitted" and part.stop_heard_at is None


def is_closed(part: VendorBatch) -> bool:
    """Return whether nothing is left to do about the part."""
    return part.state in ("collected", "failed")


def next_action(
    part: VendorBatch,
    job: Job | None,
    observed: Observed,
    now: int,
    pace: Pace,
    tried: Tried,
) -> Action | None:
    """Return what is to be done, None when nothing is left to do; the table above says it row by row."""
    if job is None or is_closed(part):
        return None
    wanted, looks = job.status != "cancelled", tried.looks
    match observed:
        case Failure(kind="shutting_down") | Sent(failure=Failure(kind="shutting_down")):
            return None
        case Failure():
            return _hindered(part, observed, now, pace.later_ms(looks, observed.retry_after_ms), wanted)
        case None:
            return _unasked(part, pace.later_ms(looks), wanted)
        case LookupResult():
            return _looked_for(part, observed, now, pace, tried, wanted)
        case Taken():
            return MarkUncertain(reasons.in_doubt(part, observed.note), LONGEST_WAIT_MS)
        case Sent():
            return _sent(part, observed.failure, now, pace, tried, wanted)
        case Stopped():
            return Wait(pace.soon_ms)
        case Crowded():
            return (
                Wait(pace.later_ms(looks), reasons.no_room(part)) if wanted else Refuse(reasons.cancelled())
            )
        case BatchState():
            return _checked(part, observed, now, pace, tried, job)


def _send(part: VendorBatch, wait_ms: int, wanted: bool) -> Action:
    """What comes of a part that the vendor certainly has not got."""
    if not wanted:
        return Refuse(reasons.cancelled())
    return MarkUncertain(interruptions.UNSENT, wait_ms) if interruptions.is_unsendable(part) else Send()


def _unasked(part: VendorBatch, wait_ms: int, wanted: bool) -> Action:
    if part.native_id is not None:
        return AskToStop(part.native_id)
    if part.state == "ended":
        return Refuse(Failure(part.vendor_status or "provider_rejected", part.error or reasons.REFUSED))
    return _send(part, wait_ms, wanted)


def _looked_for(
    part: VendorBatch, found: LookupResult, now: int, pace: Pace, tried: Tried, wanted: bool
) -> Action:
    if found.state is not None:
        return Adopt(found.state, pace.soon_ms, found.others)
    passed = _since_asked(part, now)
    if not found.certain:
        if not wanted and passed > LONGEST_DOUBT_MS:
            return WriteOff()
        return MarkUncertain(reasons.in_doubt(part, found.note), pace.later_ms(tried.looks))
    settling_ms = pace.settling_ms(listed=found.listed)
    # A clock that was put forward proves no absence, and what is sent again may be paid twice.
    passed = min(passed, tried.waited_ms)
    if passed < settling_ms:
        return Wait(settling_ms - passed, silent=True)
    return _send(part, pace.later_ms(tried.looks), wanted)


def _sent(
    part: VendorBatch, failure: Failure | None, now: int, pace: Pace, tried: Tried, wanted: bool
) -> Action:
    if failure is None:
        return Wait(pace.soon_ms)
    if isinstance(failure, OutcomeUnknown):
        return Wait(pace.first_look_ms, failure)
    if isinstance(failure, NotYet) and (not tried.one_attempt or tried.looks < MOST_NOT_YET):
        return Wait(pace.later_ms(tried.looks), failure)
    if tried.one_attempt or not _may_pass(failure):
        return Refuse(failure)
    return _hindered(part, failure, now, pace.later_ms(tried.looks, failure.retry_after_ms), wanted)


def _checked(part: VendorBatch, state: BatchState, now: int, pace: Pace, tried: Tried, job: Job) -> Action:
    wait_ms = pace.later_ms(tried.looks)
    if not state.ended:
        words, again = state.error, pace.is_time_to_stop_again(part.stop_heard_at, now)
        said = None if words is None else Failure("provider_unavailable", words, provider=part.provider)
        unheard = must_stop(part, job) or (again and not state.is_stopping)
        return AskToStop(state.native_id) if unheard else Wait(wait_ms, said)
    if state.no_room and job.status != "cancelled":
        return PutBack(wait_ms)
    waited = 0 if part.ended_at is None else now - part.ended_at
    last = state.gone or (waited > PATIENCE_MS and tried.looks >= FEWEST_LOOKS)
    if not state.names_results and state.ending != "completed":
        # Most that end so have run nothing; the others name their files when they end.
        last = last or (tried.ended_looks >= NAMELESS_LOOKS and waited >= pace.nameless_ms)
    if state.results_ready or last:
        return Collect(state, last)
    return Wait(wait_ms, reasons.no_results(part) if tried.looks >= FEWEST_LOOKS else None)


def _hindered(part: VendorBatch, failure: Failure, now: int, wait_ms: int, wanted: bool) -> Action:
    if wanted or _since_asked(part, now) <= LONGEST_DOUBT_MS:
        return Wait(wait_ms, failure)
    # No vendor is at work on it any more, and nothing can be learnt of it as things stand.
    lost = part.state != "ended" and (failure.kind == "not_found" or failure.status == 404)
    hopeless = part.native_id is None or lost or failure.kind in _KEY
    return WriteOff() if hopeless else Wait(wait_ms, failure)


def _since_asked(part: VendorBatch, now: int) -> int:
    return 0 if part.submitted_at is None else max(0, now - part.submitted_at)


def _may_pass(failure: Failure) -> bool:
    """Whether the same may succeed later: behind the login of a network whatever is asked meets its page."""
    if failure.kind in _KEY or failure.out_of_reach:
        return True
    return failure.kind in _PASSING if failure.retryable is None else failure.retryable
