"""Whether a job may go on by itself: what came of its rows so far, held against the limits it was given (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import sqrt
from typing import Any

from sidecar.batch.row import Row
from sidecar.counted import at_least, at_most
from sidecar.store.job_records import JobRow, LimitName, Tripped

# Rates of fewer rows say little. The first rows of a canary are judged together, however few they are.
JUDGED_ROWS = 10
# What goes wrong late in a long job shows in its latest rows long before it shows in all of them.
RECENT_ROWS = 200
# How far chance takes the rate of the latest rows beyond what it is on the whole, in standard deviations.
BEYOND_CHANCE = 4

_ANSWERED = ("success", "invalid_output")


@dataclass(slots=True)
class RowTally:
    """What came of the rows that were asked. Rows that failed at their submission, or were answered before, are none.

    `spent_usd` is what they are known to have cost with the most that the others may have.
    """

    rows: int = 0
    failed: int = 0
    answers: int = 0
    json_answers: int = 0
    invalid_json: int = 0
    output_tokens: int = 0
    spent_usd: Decimal = Decimal(0)
    last_error: str | None = None
    recent: deque[tuple[bool, bool | None]] = field(default_factory=lambda: deque(maxlen=RECENT_ROWS))

    def add(self, row: JobRow) -> None:
        """Count a row, if it has ended and was asked."""
        failed = row.status in ("error", "error-api", "error-missing-key")
        if not (failed or row.status == "success") or _was_not_asked(row):
            return
        self.rows += 1
        self.failed += failed
        self.spent_usd += (row.cost_usd or Decimal(0)) + row.uncertain.at_most_usd
        self.last_error = row.error_message if failed else self.last_error
        invalid = row.error_kind == "invalid_output"
        valid_json: bool | None = None
        if row.status == "success" or invalid:
            self.answers += 1
            self.output_tokens += row.tokens_out or 0
            if _wants_json(row):
                valid_json = not invalid
                self.json_answers += 1
                self.invalid_json += invalid
        self.recent.append((failed, valid_json))


def judge(
    limits: Mapping[LimitName, float], tally: RowTally, total_usd: Decimal, *, whole: bool = False
) -> tuple[Tripped, ...]:
    """Return the limits that do not hold, in the order of `limits`. `total_usd` is what the job has cost, at most.

    `whole`: the rows are all that there will be, so that few of them count too.
    """
    found = dict(_measured(tally, total_usd, whole=whole))
    tripped = []
    for name, limit in limits.items():
        # What was to be spent at most may not be spent again.
        beyond = [
            each for each in found.get(name, ()) if each > limit or (name == "totalUSD" and each == limit)
        ]
        if beyond:
            tripped.append(Tripped(name, float(limit), max(beyond)))
            continue
        rate = dict(_recent(tally)).get(name)
        if rate is not None and rate[0] > limit + BEYOND_CHANCE * sqrt(limit * max(0.0, 1 - limit) / rate[1]):
            tripped.append(Tripped(name, float(limit), rate[0], rate[1]))
    return tuple(tripped)


def as_it_ended(
    tripped: Sequence[Tripped], tally: RowTally, total_usd: Decimal, *, whole: bool = False
) -> tuple[Tripped, ...]:
    """Return the limits that did not hold with what is measured now; of one that would hold again what was then."""
    now = {
        each.name: each
        for each in judge({each.name: each.limit for each in tripped}, tally, total_usd, whole=whole)
    }
    return tuple(now.get(each.name, each) for each in tripped)


def _measured(
    tally: RowTally, total_usd: Decimal, *, whole: bool
) -> Iterator[tuple[LimitName, tuple[float, ...]]]:
    """What is known so far of each limit."""
    yield "totalUSD", (float(total_usd),)
    least = 1 if whole else JUDGED_ROWS
    if tally.rows >= least:
        yield "errorRate", (tally.failed / tally.rows,)
        yield "costPerRowUSD", (float(tally.spent_usd / tally.rows),)
    if tally.json_answers >= least:
        yield "invalidJsonRate", (tally.invalid_json / tally.json_answers,)
    if tally.answers >= least:
        yield "meanOutputTokens", (tally.output_tokens / tally.answers,)


def _recent(tally: RowTally) -> Iterator[tuple[LimitName, tuple[float, int]]]:
    """The rates of the latest rows, once they are many enough to differ from all."""
    if len(tally.recent) < RECENT_ROWS:
        return
    yield "errorRate", (sum(failed for failed, _ in tally.recent) / RECENT_ROWS, RECENT_ROWS)
    wanted = [valid for _, valid in tally.recent if valid is not None]
    if len(wanted) >= RECENT_ROWS // 2:
        yield "invalidJsonRate", (wanted.count(False) / len(wanted), len(wanted))


def sentence(tripped: Sequence[Tripped], tally: RowTally, *, canary: bool, waiting: int) -> str:
    """Return what a person is told of a job that has paused."""
    rows = f"{tally.rows:,} row{'' if tally.rows == 1 else 's'}"
    after = f"its first {rows}" if canary else rows
    told = "; ".join(_told(each) for each in tripped)
    last = (
        f" The last failure: {_short(tally.last_error)}"
        if _about_failures(tripped) and tally.last_error
        else ""
    )
    left = f"{waiting:,} row{' waits' if waiting == 1 else 's wait'}"
    return (
        f"The batch paused after {after}: {told}.{last} {left} and nothing more is sent. "
        "Start the batch to go on past this, or correct it and retry its failed rows."
    )


def _about_failures(tripped: Sequence[Tripped]) -> bool:
    return any(each.name in ("errorRate", "invalidJsonRate") for each in tripped)


def _told(tripped: Tripped) -> str:
    measured, limit = tripped.measured, tripped.limit
    of = f" of the latest {tripped.recent_rows:,}" if tripped.recent_rows else ""
    match tripped.name:
        case "errorRate":
            return f"{_percent(measured)} of the rows failed{of}, and {_percent(limit)} were allowed"
        case "invalidJsonRate":
            wrong = f"{_percent(measured)} of the answers{of} are not the JSON asked for"
            return f"{wrong}, and {_percent(limit)} were allowed"
        case "costPerRowUSD":
            return f"a row cost {at_most(measured)} on average, and {at_least(limit)} was allowed"
        case "meanOutputTokens":
            return f"an answer has {measured:,.0f} tokens on average, and {limit:,.0f} were allowed"
    return f"it has cost up to {at_most(measured)}, and {at_least(limit)} was allowed"


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g} %"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"


def _was_not_asked(row: JobRow) -> bool:
    """Whether it ended when it was submitted: answered before, or not to be filled in."""
    return row.attempts == 0 and (row.status == "success" or row.error_kind == "invalid_params")


def _wants_json(row: JobRow) -> bool:
    """Whether the row itself asks for JSON; an answer that is none says so too."""
    if row.error_kind == "invalid_output" and (row.response or "").strip():
        return True
    given = Row(row.request or {})
    return bool(given.json_mode) or given.raw_schema not in (None, "")


def choose(candidates: Mapping[tuple[str, int], Sequence[Any]], number: int) -> list[Any]:
    """Return so many of the candidates, which are listed by model and length: evenly of both, the first of each.

    Takes one of each model in turn and, within a model, one of each length in turn.
    """
    by_model: dict[str, deque[deque[Any]]] = {}
    for (model, _), rows in sorted(candidates.items(), key=lambda each: each[0]):
        if rows:
            by_model.setdefault(model, deque()).append(deque(rows))
    models = deque(by_model[model] for model in sorted(by_model))
    taken: list[Any] = []
    while models and len(taken) < number:
        lengths = models.popleft()
        rows = lengths.popleft()
        taken.append(rows.popleft())
        if rows:
            lengths.append(rows)
        if lengths:
            models.append(lengths)
    return taken
