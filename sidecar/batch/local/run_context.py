"""What the rows of a running job share at one provider."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sidecar.errors import Failure
from sidecar.spending.budget import Budget
from sidecar.store.job_records import Job, JobRow


class RowSkipped(Exception):
    """The row must not begin: its job has stopped, or the row is no longer waiting."""


@dataclass(slots=True)
class RunContext:
    """What a job's rows at one provider run under; `ceiling` is the most of them at once.

    `retries` is how often a row is asked again whose answer broke off; `overran` has the budget asked before the next
    row. `stopping` lets nothing begin; `put_back` makes rows that are cut off wait again. `refused_key` is what the
    provider said of the key, and every further row hears it without asking.
    """

    job: Job
    ended: Callable[[Job, JobRow], None]
    budget: Callable[[], Awaitable[Budget | None]]
    overran: Callable[[], None]
    ceiling: int
    retries: int = 0
    stopping: bool = False
    put_back: bool = False
    refused_key: Failure | None = None
    places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.ceiling)
