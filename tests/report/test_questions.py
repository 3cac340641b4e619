"""Rows as questions with an answer a column, and the figures of the columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sidecar.report.figures import figures, frontier, percentile
from sidecar.report.questions import gather
from sidecar.report.words import dollars
from sidecar.store.job_records import Job, JobRow
from sidecar.store.records import Uncertain

ONE, OTHER = (
    Job(name, "p", 1, "rows.csv", total_rows=2, status="completed") for name in ("job-one-1", "job-two-2")
)


def row(job: Job, number: int, prompt: str, model: str, answer: str | None = "So.", **more: Any) -> JobRow:
    status = more.pop("status", "success" if answer is not None else "error")
    request = {"id": f"r{number}@{model}", "prompt": prompt, "model": model, "data": more.pop("data", {})}
    return JobRow(
        f"{job.id}/r{number}", job.id, number, prompt, status, request, model=model, response=answer, **more
    )


def test_the_same_question_to_several_models_is_one_line() -> None:
    rows = [row(ONE, n, prompt, model) for n, (prompt, model) in enumerate(zip("aabb", "xyxy", strict=True))]
    found = gather([ONE], ((ONE, each) for each in rows))

    assert [column.label for column in found.columns] == ["x", "y"]
    assert [(each.prompt, each.key, sorted(each.rows)) for each in found.questions] == [
        ("a", "r0", [0, 1]),
        ("b", "r2", [0, 1]),
    ]


def test_a_model_in_two_jobs_has_two_columns_and_what_is_asked_twice_two_lines() -> None:
    rows = [
        (ONE, row(ONE, 0, "a", "x")),
        (ONE, row(ONE, 1, "a", "x", "Else.")),
        (OTHER, row(OTHER, 0, "a", "x")),
    ]
    found = gather([ONE, OTHER], rows)

    assert [column.label for column in found.columns] == [
        "x · rows.csv (job-one-)",
        "x · rows.csv (job-two-)",
    ]
    assert [sorted(each.rows) for each in found.questions] == [[0, 1], [0]]


def test_what_differs_and_what_failed() -> None:
    rows = [
        row(ONE, 0, "a", "x", "Yes  it is"),
        row(ONE, 1, "a", "y", "yes it\nis"),
        row(ONE, 2, "b", "x", "Yes"),
        row(ONE, 3, "b", "y", "No"),
        row(ONE, 4, "c", "x", None),
    ]
    found = gather([ONE], ((ONE, each) for each in rows))
    assert [(each.different, each.failed) for each in found.questions] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_a_page_holds_so_many_and_tells_of_the_others() -> None:
    rows = [row(ONE, number, f"q{number}", model) for number in range(5) for model in "xy"]
    found = gather([ONE], ((ONE, each) for each in rows), most=3)
    assert (len(found.questions), found.left_out) == (3, 2)


def test_figures_of_a_column() -> None:
    uncertain = Uncertain(1, Decimal("0.01"), Decimal("0.04"), 0)
    rows = [
        row(ONE, 0, "a", "x", cost_usd=Decimal("0.02"), latency_ms=1000, tokens_in=10, tokens_out=5),
        row(
            ONE,
            1,
            "b",
            "x",
            cost_usd=Decimal("0.03"),
            latency_ms=3000,
            verdicts=[{"name": "n", "passed": True}],
        ),
        row(ONE, 2, "c", "x", None, uncertain=uncertain, verdicts=[{"name": "n", "passed": False}]),
        row(ONE, 3, "d", "x", None, status="cancelled"),
    ]
    [found] = figures(gather([ONE], ((ONE, each) for each in rows)))
    assert (found.rows, found.answered, found.failed, found.cancelled, found.waiting) == (4, 2, 1, 1, 0)
    assert (found.cost_usd, found.least_usd, found.most_usd) == tuple(map(Decimal, ("0.05", "0.06", "0.09")))
    assert (found.median_seconds, found.slow_seconds) == (1.0, 3.0)
    # An average of a sum that lacks a call is no price; it lies between what the bounds come to.
    assert found.usd_per_answer is None
    assert found.usd_per_answer_between == (Decimal("0.03"), Decimal("0.045"))
    assert found.passed == {"n": (1, 2)}


def test_the_frontier_is_what_nothing_beats_in_both() -> None:
    assert frontier([(1, 9), (2, 5), (3, 6), (4, 1), (1, 10)]) == [0, 1, 3]
    assert frontier([]) == []


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.1, 1)])
def test_percentiles(share: float, expected: int) -> None:
    assert percentile(range(1, 11), share) == expected


def test_dollars_have_as_many_places_as_tell_something() -> None:
    amounts = (Decimal("1234.5"), Decimal("0.00004567"), 0.25, None, 0)
    assert [dollars(each) for each in amounts] == ["$1,234.50", "$0.00004567", "$0.25", "not known", "$0.00"]
