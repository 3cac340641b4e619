"""What the rows of a running job share at one provider."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from sidecar.batch.local.caution import Caution
from sidecar.errors import Failure
from sidecar.spending.budget import Budget
from sidecar.store.job_records import Job, JobRow

# How long a provider is waited for that cannot be reached any more: long enough for another Wi-Fi or a restart.
PATIENCE_MS = 10 * 60 * 1000
# A row that finds nobody so often while others are answered asks somewhere else than they do.
MOST_PASSED_BY = 3
# What becomes of a row that was not run: it ends, it is tried again later, or it waits and its job stops.
Fate = Literal["fails", "waits", "stops"]


class RowSkipped(Exception):
    """The row must not begin: its job has stopped, or the row is no longer waiting."""


@dataclass(slots=True)
class Trial:
    """How many answers had come when a row was last tried, and how often others were answered while it was not."""

    answers_before: int
    passed_by: int = 0

    def waits(self, answers: int) -> None:
        """It found nobody, when so many had come."""
        self.passed_by += answers != self.answers_before
        self.answers_before = answers


class NobodyThere(Exception):
    """The row found nobody at a provider that has answered before, and waits with the others until somebody is."""


@dataclass(slots=True)
class RunContext:
    """What a job's rows at one provider run under; `ceiling` is the most of them at once.

    `retries` is how often a row is asked again whose answer broke off; `overran` has the budget asked before the next
    row. `stopping` lets nothing begin; `put_back` makes rows that are cut off wait again. `refused_key` is what the
    provider said of the key `refused_with`, and every further row that has no other one hears it without asking.
    `answers` have come so far; since `lost_since` (ms) nobody answers any more. `caution` is how its rows begin.
    """

    job: Job
    caution: Caution
    ended: Callable[[Job, JobRow], None]
    budget: Callable[[], Awaitable[Budget | None]]
    overran: Callable[[], None]
    ceiling: int
    retries: int = 0
    stopping: bool = False
    put_back: bool = False
    refused_key: Failure | None = None
    refused_with: str = field(default="", repr=False)
    answers: int = field(init=False)
    lost_since: int | None = field(init=False, default=None)
    places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.ceiling)
        self.answers = self.job.completed_rows

    def refusal_of(self, key: str) -> Failure | None:
        """What the provider has said of that key, None where it has not refused it."""
        return self.refused_key if key == self.refused_with else None

    def refuse(self, key: str, failure: Failure) -> None:
        """The provider does not take that key."""
        self.refused_key, self.refused_with = failure, key

    def answered(self) -> None:
        """An answer has come."""
        self.answers += 1
        self.lost_since = None

    def lost(self, trial: Trial, now: int) -> Fate:
        """What becomes of a row that found nobody there.

        A provider that never answered, or answers all others, is not gone. One that is gone is waited for, and after
        `PATIENCE_MS` the job stops: every other row would find nobody either.
        """
        if not self.answers or trial.passed_by >= MOST_PASSED_BY:
            return "fails"
        self.lost_since = now if self.lost_since is None else min(self.lost_since, now)
        return "waits" if now - self.lost_since < PATIENCE_MS else "stops"
