from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import pytest

from sidecar.batch.native import interruptions, machine, reasons
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
from sidecar.batch.native.machine import (
    FEWEST_LOOKS,
    LONGEST_DOUBT_MS,
    MOST_NOT_YET,
    NAMELESS_LOOKS,
    PATIENCE_MS,
    must_ask,
    next_action,
)
from sidecar.batch.native.pace import (
    CREATION_MS,
    LONGEST_WAIT_MS,
    NAMELESS_MS,
    SETTLING_MS,
    STOP_AGAIN_MS,
    Pace,
)
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState, LookupResult
from sidecar.providers.kernel.outcome import NotYet, OutcomeUnknown
from sidecar.store.job_records import Job, VendorBatch

ASKED_AT = 10_000
LOOKS, LATER_MS, HINT_MS = 3, 8_000, 290_000
UNASKED = VendorBatch("p", "j", "openai", "abai-p", "intent", 3, 1_000)
TOO_OFTEN = interruptions.MOST_INTERRUPTIONS
ASKED = replace(UNASKED, submitted_at=ASKED_AT)
AT_WORK = replace(ASKED, state="submitted", native_id="batch-1")
REFUSED = replace(UNASKED, state="ended", vendor_status="provider_rejected", error="No such model.")
RUNNING = Job("j", "project", 0, "rows.csv", mode="native", total_rows=3, status="processing")
WORKING = BatchState("batch-1", "in_progress", ended=False, results_ready=False)
ENDED = replace(WORKING, word="completed", ended=True)
EARLY = replace(ENDED, word="expired", ending="expired", names_results=False)
NOTE = "It is not in the list."
FAILURE = Failure("provider_unavailable", "It is down.", retryable=True)
NO_KEY = Failure("missing_api_key", "There is no key.")

UNREAD = Failure("provider_unavailable", "2 of 3 results could be read.", retryable=True)
NOT_FOUND = Failure("provider_rejected", "No such batch.", status=404)

PARTS = {
    "unasked": [UNASKED],
    "waiting": [replace(UNASKED, refused_id="batch-0")],
    "asked": [ASKED],
    "doubtful": [replace(ASKED, state="doubtful", error="Who knows.")],
    "aside": [replace(UNASKED, interruptions=TOO_OFTEN)],
    "suspect": [
        replace(ASKED, interruptions=TOO_OFTEN),
        replace(ASKED, interruptions=TOO_OFTEN, state="doubtful", error=interruptions.UNSENT),
    ],
    "at work": [AT_WORK],
    "stopping": [replace(AT_WORK, stop_heard_at=ASKED_AT)],
    "ended": [replace(AT_WORK, state="ended", ended_at=ASKED_AT)],
    "refused": [REFUSED],
    "closed": [replace(AT_WORK, state="collected"), replace(REFUSED, state="failed")],
}
PARTS["any"] = [part for parts in list(PARTS.values()) for part in parts]
JOBS: dict[str, list[Job | None]] = {
    "running": [RUNNING, replace(RUNNING, status="pending")],
    "cancelled": [replace(RUNNING, status="cancelled")],
    "gone": [None],
}
JOBS["any"] = JOBS["running"] + JOBS["cancelled"]


@dataclass(frozen=True)
class Seen:
    """What was observed so long after the part's creation was asked for."""

    observed: Observed
    passed_ms: int = 2_000
    one_attempt: bool = False
    looks: int = LOOKS
    ended_looks: int = 1


DAYS_MS = LONGEST_DOUBT_MS + 1
OBSERVED = {
    "nothing": Seen(None),
    "shutting down": Seen(Failure("shutting_down", "It is closing.")),
    "sent, shutting down": Seen(Sent(Failure("shutting_down", "It is closing."))),
    "found": Seen(LookupResult(WORKING, False)),
    "found, another part's": Seen(Taken(NOTE)),
    "absent": Seen(LookupResult(None, True)),
    "absent, long enough": Seen(LookupResult(None, True), SETTLING_MS),
    "absent for certain": Seen(LookupResult(None, True, listed=False)),
    "absent for certain, long enough": Seen(LookupResult(None, True, listed=False), CREATION_MS),
    "perhaps absent": Seen(LookupResult(None, False, NOTE), LONGEST_DOUBT_MS),
    "perhaps absent, for days": Seen(LookupResult(None, False, NOTE), DAYS_MS),
    "sent": Seen(Sent()),
    "sent, perhaps arrived": Seen(Sent(OutcomeUnknown("timeout", "No answer.")), one_attempt=True),
    "sent, refused for good": Seen(Sent(Failure("provider_rejected", "The file is wrong."))),
    "sent, refused for now": Seen(Sent(FAILURE)),
    "sent, refused for now, one attempt": Seen(Sent(FAILURE), one_attempt=True),
    "sent, input not there yet": Seen(
        Sent(NotYet("provider_unavailable", "No such file.")), one_attempt=True
    ),
    "sent, input never there": Seen(
        Sent(NotYet("provider_unavailable", "No such file.")), one_attempt=True, looks=MOST_NOT_YET
    ),
    "sent, key refused": Seen(Sent(Failure("invalid_api_key", "Refused.", retryable=False))),
    "at work": Seen(WORKING),
    "at work, with a word": Seen(replace(WORKING, error=NOTE)),
    "at work, for long": Seen(WORKING, STOP_AGAIN_MS),
    "at work, stopping, for long": Seen(replace(WORKING, word="cancelling"), STOP_AGAIN_MS),
    "others at work": Seen(Crowded()),
    "stop heard": Seen(Stopped()),
    "stop not heard": Seen(NOT_FOUND, LONGEST_DOUBT_MS),
    "stop not heard, for days": Seen(NOT_FOUND, DAYS_MS),
    "ended, with results": Seen(replace(ENDED, results_ready=True)),
    "ended, no results yet": Seen(ENDED, PATIENCE_MS),
    "ended, no results, many looks": Seen(ENDED, PATIENCE_MS, looks=FEWEST_LOOKS),
    "ended, no results for a day": Seen(ENDED, PATIENCE_MS + 1, looks=FEWEST_LOOKS),
    "ended long ago, first look": Seen(ENDED, PATIENCE_MS + 1),
    "ended early, nothing named": Seen(EARLY, NAMELESS_MS, ended_looks=NAMELESS_LOOKS - 1),
    "ended early, nothing named for long": Seen(EARLY, NAMELESS_MS, ended_looks=NAMELESS_LOOKS),
    "ended early, nothing counted": Seen(replace(EARLY, results_ready=True)),
    "ended, results gone": Seen(replace(ENDED, gone=True)),
    "ended, no room": Seen(replace(ENDED, results_ready=True, ending="refused", no_room=True)),
    "results unread": Seen(UNREAD, DAYS_MS),
    "failure": Seen(FAILURE, LONGEST_DOUBT_MS),
    "failure, for days": Seen(FAILURE, DAYS_MS),
    "failure, with a hint": Seen(
        Failure("rate_limited", "Too much.", retryable=True, retry_after_ms=HINT_MS)
    ),
    "not found": Seen(NOT_FOUND, LONGEST_DOUBT_MS),
    "not found, for days": Seen(NOT_FOUND, DAYS_MS),
    "no key, for days": Seen(NO_KEY, DAYS_MS),
}


def expected(word: str, part: VendorBatch, seen: Seen) -> Action | None:
    observed, later_ms = seen.observed, Pace().later_ms(seen.looks)
    failure = observed.failure if isinstance(observed, Sent) else observed
    reason = failure if isinstance(failure, Failure) else None
    found = observed.state if isinstance(observed, LookupResult) else None
    doubt = reasons.in_doubt(part, NOTE)
    actions: dict[str, Action | None] = {
        "-": None,
        "Send": Send(),
        "Adopt: look soon": Adopt(found or WORKING, 1_000),
        "Collect": Collect(observed if isinstance(observed, BatchState) else WORKING),
        "Collect: at last": Collect(observed if isinstance(observed, BatchState) else WORKING, last=True),
        "AskToStop": AskToStop("batch-1"),
        "PutBack: look later": PutBack(later_ms),
        "MarkUncertain: look later": MarkUncertain(doubt, LATER_MS),
        "MarkUncertain: look at last": MarkUncertain(doubt, LONGEST_WAIT_MS),
        "MarkUncertain: set aside": MarkUncertain(interruptions.UNSENT, later_ms),
        "WriteOff": WriteOff(),
        "Refuse: cancelled": Refuse(reasons.cancelled()),
        "Refuse: as it was refused": Refuse(Failure("provider_rejected", "No such model.")),
        "Refuse: for the reason": Refuse(reason or reasons.cancelled()),
        "Wait: soon": Wait(1_000),
        "Wait: later": Wait(later_ms),
        "Wait: later, with the reason": Wait(later_ms, reason),
        "Wait: later, with the word": Wait(later_ms, Failure("provider_unavailable", NOTE)),
        "Wait: later, for results": Wait(later_ms, reasons.no_results(part)),
        "Wait: later, for room": Wait(later_ms, reasons.no_room(part)),
        "Wait: a moment, with the reason": Wait(2_000, reason),
        "Wait: as long as asked, with the reason": Wait(HINT_MS, reason),
        "Wait: until an absence counts": Wait(SETTLING_MS - 2_000, silent=True),
        "Wait: until a creation is over": Wait(CREATION_MS - 2_000, silent=True),
    }
    return actions[word]


def table() -> list[tuple[str, str, str, str]]:
    """The rows of the table that the machine's docstring prints."""
    lines = (machine.__doc__ or "").splitlines()
    rule = next(number for number, line in enumerate(lines) if line.strip().startswith("---"))
    ends, at = list[int](), 0
    for dashes in lines[rule].split("  "):
        at += len(dashes) + 2
        if dashes:
            ends.append(at)
    rows = []
    for line in lines[rule + 1 : lines.index("", rule)]:
        begins = [0, *ends[:-1]]
        cells = [line[begin:end].strip() for begin, end in zip(begins, [*ends[:-1], None], strict=True)]
        rows.append((cells[0], cells[1], cells[2], cells[3]))
    return rows


TABLE = table()


def cases(row: tuple[str, str, str, str]) -> Iterator[tuple[VendorBatch, Job | None]]:
    for part in PARTS[row[0]]:
        for job in JOBS[row[1]]:
            yield part, job


@pytest.mark.parametrize("row", TABLE, ids=" | ".join)
def test_the_machine_does_what_its_table_says(row: tuple[str, str, str, str]) -> None:
    seen = OBSERVED[row[2]]
    for part, job in cases(row):
        action = next_action(
            part,
            job,
            seen.observed,
            ASKED_AT + seen.passed_ms,
            Pace(),
            Tried(seen.passed_ms, seen.looks, seen.ended_looks, seen.one_attempt),
        )
        assert told(action) == told(expected(row[3], part, seen)), (part, job)


def told(action: Action | None) -> Any:
    """The action with failures as what they say: two of them are never equal."""
    if action is None:
        return None
    values = [getattr(action, field.name) for field in fields(action)]
    said = [(value.kind, value.message) if isinstance(value, Failure) else value for value in values]
    return type(action).__name__, said


def test_the_table_has_every_place_observation_and_action() -> None:
    assert len(set(TABLE)) == len(TABLE) > 40
    assert {row[0] for row in TABLE} == set(PARTS)
    assert {row[1] for row in TABLE} == set(JOBS)
    assert {row[2] for row in TABLE} == set(OBSERVED)
    assert {row[3].partition(":")[0] for row in TABLE} - {"-"} == {each.__name__ for each in get_args(Action)}


def test_a_vendor_is_only_asked_for_what_it_may_have() -> None:
    parts = {name: found for name, found in PARTS.items() if name != "any"}
    questions = {name: {must_ask(part, RUNNING) for part in found} for name, found in parts.items()}
    assert questions == {
        "unasked": {None},
        "waiting": {"room"},
        "asked": {"find"},
        "doubtful": {"find"},
        "aside": {None},
        "suspect": {"find"},
        "at work": {"check"},
        "stopping": {"check"},
        "ended": {"check"},
        "refused": {None},
        "closed": {None},
    }
    unwanted = replace(RUNNING, status="cancelled")
    changed = {name for name, found in parts.items() for part in found if must_ask(part, unwanted) is None}
    assert changed - {"unasked", "aside", "refused", "closed"} == {"at work"}, (
        "what is to stop is asked to, before all else"
    )


def test_a_clock_that_was_put_back_makes_no_absence_count() -> None:
    action = next_action(ASKED, RUNNING, LookupResult(None, True), ASKED_AT - 1_000, Pace(), Tried(0))
    assert action == Wait(SETTLING_MS, silent=True)


def test_a_clock_that_was_put_forward_makes_no_absence_count() -> None:
    a_day_later = ASKED_AT + 24 * 3_600_000
    absent = LookupResult(None, True)
    action = next_action(ASKED, RUNNING, absent, a_day_later, Pace(), Tried(1_000))
    assert action == Wait(SETTLING_MS - 1_000, silent=True)
    assert next_action(ASKED, RUNNING, absent, a_day_later, Pace(), Tried(SETTLING_MS)) == Send()


def test_a_doubt_says_what_is_known_and_what_to_do() -> None:
    sentence = reasons.in_doubt(ASKED, "Two batches of 3 rows are still running.")
    assert "Two batches of 3 rows are still running." in sentence
    assert "abai-p" in sentence
    assert "Start the batch" in sentence


@pytest.mark.parametrize(
    ("looks", "fixed", "hint", "expected"),
    [
        (0, None, None, 1_000),
        (1, None, None, 2_000),
        (8, None, None, 256_000),
        (9, None, None, 300_000),
        (10_000, None, None, 300_000),
        (3, 50, None, 50),
        (3, 50, 9_000, 9_000),
        (3, None, 1_000, 8_000),
        (0, None, 900_000, 900_000),
    ],
)
def test_waits_grow_to_five_minutes_and_a_longer_hint_wins(
    looks: int, fixed: int | None, hint: int | None, expected: int
) -> None:
    assert Pace(fixed).later_ms(looks, hint) == expected


def test_a_fixed_pace_takes_the_place_of_every_wait_but_never_makes_an_absence_count_later() -> None:
    quick, slow = Pace(50), Pace(3_600_000)
    assert (quick.soon_ms, quick.first_look_ms, quick.settling_ms(listed=True)) == (50, 50, 50)
    assert (slow.soon_ms, slow.first_look_ms) == (3_600_000, 3_600_000)
    assert slow.settling_ms(listed=True) == SETTLING_MS > 10 * 60_000
    assert slow.settling_ms(listed=False) == CREATION_MS
