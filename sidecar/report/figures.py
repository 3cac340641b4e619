"""The figures of a report: how rows ended, what they cost and how long they took, a column each (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sidecar.report.questions import Questions, ReportColumn
from sidecar.store.job_records import JobRow


@dataclass(frozen=True, slots=True)
class ColumnFigures:
    """One column. `cost_usd` is what is known; between `least_usd` and `most_usd` it is with the `uncertain_calls` of
    which it is not, and `most_usd` is None where nothing bounds them. Seconds are of answers alone.
    """

    column: ReportColumn
    rows: int
    answered: int
    failed: int
    cancelled: int
    waiting: int
    cost_usd: Decimal
    least_usd: Decimal
    most_usd: Decimal | None
    uncertain_calls: int
    tokens_in: int
    tokens_out: int
    median_seconds: float | None
    slow_seconds: float | None
    passed: dict[str, tuple[int, int]]

    @property
    def usd_per_answer(self) -> Decimal | None:
        """What an answer cost on the average, failed rows included; None without one, or where calls are in no sum."""
        return self.cost_usd / self.answered if self.answered and not self.uncertain_calls else None

    @property
    def usd_per_answer_between(self) -> tuple[Decimal, Decimal | None] | None:
        """What an answer cost at least and, where bounded, at most; None without an answer."""
        if not self.answered:
            return None
        most = None if self.most_usd is None else self.most_usd / self.answered
        return self.least_usd / self.answered, most


def figures(found: Questions) -> list[ColumnFigures]:
    """Return the figures of every column, in their order."""
    rows: list[list[JobRow]] = [[] for _ in found.columns]
    for question in found.questions:
        for place, row in question.rows.items():
            rows[place].append(row)
    return [_of(column, each) for column, each in zip(found.columns, rows, strict=True)]


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which points no other point beats in both: less of either is better. From the least first value on."""
    best: float | None = None
    found: list[int] = []
    for place in sorted(range(len(points)), key=lambda each: points[each]):
        if best is None or points[place][1] < best:
            best = points[place][1]
            found.append(place)
    return found


def percentile(values: Iterable[float], share: float) -> float | None:
    """Return the value that so large a share does not exceed; None of none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]


def _of(column: ReportColumn, rows: Sequence[JobRow]) -> ColumnFigures:
    seconds = [row.latency_ms / 1000 for row in rows if row.status == "success" and row.latency_ms]
    cost = sum((max(Decimal(0), row.cost_usd or Decimal(0)) for row in rows), Decimal(0))
    unbounded = any(row.uncertain.unbounded for row in rows)
    passed: dict[str, tuple[int, int]] = {}
    for row in rows:
        for verdict in row.verdicts or ():
            good, judged = passed.get(str(verdict["name"]), (0, 0))
            passed[str(verdict["name"])] = good + bool(verdict["passed"]), judged + 1
    return ColumnFigures(
        column=column,
        rows=len(rows),
        answered=sum(row.status == "success" for row in rows),
        failed=sum(row.status.startswith("error") for row in rows),
        cancelled=sum(row.status == "cancelled" for row in rows),
        waiting=sum(row.status in ("pending", "processing") for row in rows),
        cost_usd=cost,
        least_usd=cost + sum((row.uncertain.at_least_usd for row in rows), Decimal(0)),
        most_usd=None if unbounded else cost + sum((row.uncertain.at_most_usd for row in rows), Decimal(0)),
        uncertain_calls=sum(row.uncertain.calls for row in rows),
        tokens_in=sum(row.tokens_in or 0 for row in rows),
        tokens_out=sum(row.tokens_out or 0 for row in rows),
        median_seconds=percentile(seconds, 0.5),
        slow_seconds=percentile(seconds, 0.95),
        passed=passed,
    )
