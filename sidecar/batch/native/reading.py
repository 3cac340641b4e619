"""How far one reading of a native batch's results has come, and whether they have to be read again (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar.batch.native import endings
from sidecar.errors import Failure
from sidecar.providers.batches import GONE, BatchResult, BatchState

# Results that name no rows are read so often: they may have been written only in part the first time.
MOST_NAMELESS = 3
# An answer that comes behind more failures, or longer ones, than this no longer takes the place of one.
MOST_HELD = 10_000
# Of results that are not stored yet, together.
MOST_LETTERS = 16_000_000
# So often results are asked for of which the vendor says that there are none: a file may be named before it is there.
MOST_GONE = 5


@dataclass(slots=True)
class Reading:
    """What one reading of a part's results has come to. `ours` are the rows of which one could be read, `ran` those
    of them that the vendor has run.

    `held` are results that are no answers: an answer to the same row, which may come behind it, has precedence.
    `nameless` counts replies that name no row, of which the first is kept; `strange` are ids of no row of the part.
    `patient`: rows that the vendor does not count, and of which it gives nothing, may still come. `last`: nothing can.
    """

    state: BatchState
    patient: bool = False
    last: bool = False
    ours: set[str] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)
    held: dict[str, BatchResult] = field(default_factory=dict)
    unreadable: int = 0
    too_large: int = 0
    nameless: int = 0
    strange: set[str] = field(default_factory=set)
    first_nameless: BatchResult | None = None
    held_letters: int = 0

    def hold(self, outcome: BatchResult) -> None:
        """Keep what is no answer until one may have come."""
        if outcome.custom_id not in self.held:
            self.held[outcome.custom_id] = outcome
            self.held_letters += letters(outcome)

    def drop(self, custom_id: str) -> None:
        """An answer to that row has come: what was held of it counts no more."""
        outcome = self.held.pop(custom_id, None)
        self.held_letters -= 0 if outcome is None else letters(outcome)

    @property
    def holds_enough(self) -> bool:
        """Whether what is held is to be taken for what came of its rows."""
        return len(self.held) >= MOST_HELD or self.held_letters >= MOST_LETTERS

    def let_go(self) -> list[BatchResult]:
        """Return what was held, and hold nothing."""
        held = list(self.held.values())
        self.held.clear()
        self.held_letters = 0
        return held

    @property
    def names_no_rows(self) -> bool:
        """Whether what is missing is there, and cannot be told apart: it will be so another time."""
        expected = endings.expected_results(self.state) or 0
        misnamed = bool(self.strange) and len(self.strange) + self.nameless + self._read() >= expected
        return (self.nameless > 0 or misnamed) and not self.unreadable

    def problem(self, provider: str, missing: int) -> Failure | None:
        """Why the results are to be read again though they came to an end, for so many rows without one.

        Not for those that are too large to be read: they will be so every time.
        """
        expected = endings.expected_results(self.state)
        short = expected is not None and self._read() + self.too_large < expected
        if expected is None or self.patient:
            # Each row of a batch that was completed has a result: counts may lag behind, or not add up.
            short = short or (self.state.ending == "completed" and missing > self.too_large)
        # A clock that is wrong here ends no batch there.
        short = short or (self.state.presumed and missing > self.too_large)
        if not missing or not (short or self.unreadable or self.nameless) or self.state.ran_nothing:
            return None
        counted = "more" if expected is None or expected <= self._read() else f"{expected}"
        return Failure(
            "provider_unavailable",
            f"{provider} counts {counted} results of this batch, and {self._read()} could be read. "
            "What came is kept, and the rest is fetched again; nothing has to be paid twice.",
            retryable=True,
            provider=provider,
        )

    @property
    def rest_is_free(self) -> bool:
        """Whether rows without a result certainly cost nothing: all that the vendor counts as run were read.

        To be asked of a reading that came to its end without a `problem`.
        """
        state = self.state
        if state.ran_nothing:
            return True
        stopped = state.ending in ("expired", "cancelled") and not state.presumed
        told = state.completed is not None and state.completed <= len(self.ran)
        return stopped and told and not self.too_large

    def _read(self) -> int:
        """How many of the results that the vendor counts were read; of a batch that was ended early, of what ran."""
        return len(self.ours if self.state.ending == "completed" else self.ran)


def letters(outcome: BatchResult) -> int:
    """Return how long a result is, in letters."""
    failure = outcome.failure
    said = 0 if failure is None else len(failure.message) + len(failure.detail or "")
    return len(outcome.custom_id) + len(outcome.text) + len(outcome.thinking) + said


@dataclass(slots=True)
class FailedReadings:
    """How often a part's results could not be read whole for something that will be so another time too."""

    nameless: int = 0
    gone: int = 0

    def note(self, reading: Reading, failure: Failure) -> None:
        """Count this reading, which ended so."""
        self.nameless += reading.names_no_rows
        self.gone += failure.status in GONE

    def hopeless(self, reading: Reading, failure: Failure, *, settled: bool) -> bool:
        """Return whether another reading would end no other way.

        `settled`: the batch ended so long ago that what it names is there if it ever will be. What it does not name
        may still come.
        """
        if failure.status in GONE:
            return settled and self.gone >= MOST_GONE and all(reading.state.handles.values())
        return reading.names_no_rows and self.nameless >= MOST_NAMELESS
