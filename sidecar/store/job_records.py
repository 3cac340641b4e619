"""What the tables of batches hold. Times are integer ms since 1970 UTC; money is Decimal US dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, get_args

from sidecar.store.records import CERTAIN, Uncertain

Mode = Literal["local", "native"]
Source = Literal["sidecar", "renderer"]
JobStatus = Literal["pending", "processing", "completed", "failed", "cancelled"]
RowStatus = Literal[
    "pending", "processing", "success", "error", "error-missing-key", "error-api", "cancelled"
]


LimitName = Literal["errorRate", "invalidJsonRate", "costPerRowUSD", "meanOutputTokens", "totalUSD"]
LIMIT_NAMES: tuple[LimitName, ...] = get_args(LimitName)


@dataclass(frozen=True, slots=True)
class Tripped:
    """A limit that did not hold, and what was measured; `recent_rows` where only the latest rows were looked at."""

    name: LimitName
    limit: float
    measured: float
    recent_rows: int = 0


@dataclass(frozen=True, slots=True)
class Safeguard:
    """What a job asks before it goes on by itself. `canary` rows run before all others, in the phase "canary".

    `limits` are shares, US dollars or tokens by their names, of rows that ended at `since` (ms) or later; `tripped` are
    those at which it has paused. `native`: the other rows go to the vendor's batch service.
    """

    canary: int = 0
    limits: Mapping[LimitName, float] = field(default_factory=dict)
    phase: Literal["canary", "all"] = "all"
    tripped: tuple[Tripped, ...] = ()
    native: bool = False
    since: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A batch. `source` is who runs its rows; `cost_usd` is the exact sum of what is known of them.

    `uncertain` are its calls that are not in that sum. `interruptions` are the deaths of the process in a row in which
    it was at work and nothing of it went on (`store/job_deaths.py`).
    `checks` are what its answers are held against, as the wire's BatchCheck.
    `estimate` is what it was thought to cost when it was submitted: dollars as text by the wire's names.
    """

    id: str
    project_id: str
    created_at: int
    file_name: str = ""
    mode: Mode = "local"
    source: Source = "sidecar"
    status: JobStatus = "pending"
    total_rows: int = 0
    completed_rows: int = 0
    failed_rows: int = 0
    cost_usd: Decimal = Decimal(0)
    estimate: Mapping[str, str] | None = None
    started_at: int | None = None
    completed_at: int | None = None
    concurrency: int | None = None
    notify_rows: bool = False
    error: str | None = None
    error_kind: str | None = None
    uncertain: Uncertain = CERTAIN
    checks: Sequence[Mapping[str, Any]] | None = None
    safeguard: Safeguard | None = None
    interruptions: int = 0

    @property
    def at_most_usd(self) -> Decimal:
        """What it has cost at most, as far as that is bounded."""
        return self.cost_usd + self.uncertain.at_most_usd


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a row that was answered."""

    response: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row as it is submitted. `request` is the wire's BatchRow with its id; `prompt` has its variables filled in.

    `model` is `provider/id`, `template` names the text before its variables, `reserve_usd` is the most it may cost.
    A row that is not to be sent brings an earlier `answer` to its `question` along, or has failed with a sentence.
    """

    id: str
    row_index: int
    request: Mapping[str, Any]
    prompt: str
    provider: str
    model: str
    template: str
    reserve_usd: Decimal | None = None
    question: str | None = None
    answer: Answer | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class PendingRow:
    """What is needed to run a row.

    `broken_answers`: how often its answer broke off since it was last started. `reserve_usd`: what its job holds back
    for it, which is nothing once that has happened: all of it may have been charged. None without a price.
    """

    id: str
    row_index: int
    request: Mapping[str, Any]
    prompt: str
    reserve_usd: Decimal | None = None
    broken_answers: int = 0

    def broken_off(self) -> PendingRow:
        """The row as it waits for its next attempt, its answer having broken off (pure)."""
        held = None if self.reserve_usd is None else Decimal(0)
        return replace(self, reserve_usd=held, broken_answers=self.broken_answers + 1)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row with what came of it. `request` is None for rows of the app before the sidecar; `data` is theirs.

    `cost_usd` is what is known of it, None where nothing is; `uncertain` are its calls that are not in it.
    `verdicts` are what came of its job's checks, as they are kept; None until its answer was looked at.
    """

    id: str
    job_id: str
    row_index: int
    prompt: str
    status: RowStatus
    request: Mapping[str, Any] | None = None
    data: Any = None
    model: str | None = None
    response: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None
    latency_ms: int | None = None
    error_kind: str | None = None
    error_message: str | None = None
    attempts: int = 0
    finish_reason: str | None = None
    custom_id: str | None = None
    uncertain: Uncertain = CERTAIN
    verdicts: Sequence[Mapping[str, Any]] | None = None

    @property
    def known_usd(self) -> Decimal | None:
        """What it is known to have cost: nothing for a row of ours that never left, None where nobody knows."""
        if self.uncertain.calls:
            return None
        if self.cost_usd is not None:
            return max(Decimal(0), self.cost_usd)
        return Decimal(0) if self.attempts == 0 and self.request is not None else None

    @property
    def bounds_usd(self) -> tuple[Decimal | None, Decimal | None]:
        """What it cost at least and at most, where that is not known; the most is None where nothing bounds it."""
        if not self.uncertain.calls:
            return None, None
        known = max(Decimal(0), self.cost_usd or Decimal(0))
        most = None if self.uncertain.unbounded else known + self.uncertain.at_most_usd
        return known + self.uncertain.at_least_usd, most


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What is written when a row ends. `cost_usd` is added to what the row cost before; None adds nothing."""

    status: RowStatus
    response: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None
    latency_ms: int | None = None
    error_kind: str | None = None
    error_message: str | None = None
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class CachedShare:
    """How much of earlier prompts was read from a cache, and written to one, in thousandths of their tokens."""

    read: int = 0
    written_short: int = 0
    written_long: int = 0


UNCACHED = CachedShare()


@dataclass(frozen=True, slots=True)
class EarlierSearches:
    """How often answers that searched did so, in thousandths of a search an answer, and of how many tokens their
    prompts were with what was found."""

    thousandths: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long earlier answers were, in tokens. `low` and `high` leave out the tenth at either end.

    `searched` is what those did that searched, None where none did.
    """

    count: int
    low: int
    mean: int
    high: int
    cached: CachedShare = UNCACHED
    searched: EarlierSearches | None = None


PartState = Literal["intent", "submitted", "ended", "collected", "failed", "doubtful"]


@dataclass(frozen=True, slots=True)
class VendorBatch:
    """Rows of one job that are, or are to be, one native batch.

    intent: its creation may or may not have been asked for; `submitted_at` says when, None that it certainly was
    not. submitted: the vendor's id is known. ended: the vendor is done with it, or (without an id) refused it for
    `error`, whose kind is then the `vendor_status`; its rows are yet to be closed. collected, failed: they are.
    doubtful: nobody can say whether the vendor has it; `error` is what is known. `key_mark` is that of the key
    with which its creation was asked for. `stop_heard_at`: since when the vendor knows that it is to stop.
    `refused_id` is the vendor's id of the last creation for which it had no room, and of which it ran nothing.
    `interruptions` counts the deaths of the process in a row while it was at work.
    """

    id: str
    job_id: str
    provider: str
    tag: str
    state: PartState
    rows: int
    created_at: int
    model: str | None = None
    native_id: str | None = None
    input_file_id: str | None = None
    bytes: int | None = None
    submitted_at: int | None = None
    ended_at: int | None = None
    polled_at: int | None = None
    vendor_status: str | None = None
    counts: Mapping[str, int] | None = None
    error: str | None = None
    key_mark: str | None = None
    stop_heard_at: int | None = None
    refused_id: str | None = None
    interruptions: int = 0


@dataclass(frozen=True, slots=True)
class VendorBatchRow:
    """A row of a part that has not ended. `model` is `provider/id` as it was asked for."""

    row: PendingRow
    custom_id: str
    model: str
