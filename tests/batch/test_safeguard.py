"""What is judged of a job's rows, which rows go first, and what a start makes of the limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sidecar.batch.safeguard import RECENT_ROWS, RowTally, choose, judge, sentence
from sidecar.batch.safeguard_transactions import NOTHING_WANTED, SafeguardWanted, at_start
from sidecar.store.job_records import JobRow, RowStatus, Safeguard, Tripped

NOTHING = Decimal(0)


def row(status: RowStatus = "success", **members: Any) -> JobRow:
    return JobRow("r", "j", 0, "Why?", status, **{"request": {}, "attempts": 1, "tokens_out": 10, **members})


def tally(*rows: JobRow) -> RowTally:
    found = RowTally()
    for each in rows:
        found.add(each)
    return found


FAILED = row("error-api", error_kind="provider_rejected", error_message="No.", tokens_out=None)
NO_JSON = row("error", error_kind="invalid_output", error_message="No JSON.", response="Hm")


def test_a_share_counts_once_ten_rows_have_ended_or_all_there_are() -> None:
    nine, ten = tally(*[FAILED] * 9), tally(*[FAILED] * 10)
    assert judge({"errorRate": 0.5}, nine, NOTHING) == ()
    assert judge({"errorRate": 0.5}, nine, NOTHING, whole=True) == (Tripped("errorRate", 0.5, 1.0),)
    assert judge({"errorRate": 0.5}, ten, NOTHING) == (Tripped("errorRate", 0.5, 1.0),)


def test_a_limit_that_is_just_reached_holds_but_for_the_sum() -> None:
    half = tally(*[FAILED] * 5, *[row(cost_usd=Decimal("0.2"))] * 5)
    limits: Any = {"errorRate": 0.5, "costPerRowUSD": 0.1, "meanOutputTokens": 10, "totalUSD": 1.0}
    assert [each.name for each in judge(limits, half, Decimal("0.99"))] == []
    assert [each.name for each in judge(limits, half, Decimal(1))] == ["totalUSD"]


def test_each_limit_is_told_with_what_was_measured() -> None:
    wants = {"jsonMode": True}
    found = tally(*[row(cost_usd=Decimal("0.5"), request=wants)] * 5, *[NO_JSON] * 5)
    limits: Any = {"errorRate": 0.1, "invalidJsonRate": 0.2, "costPerRowUSD": 0.01, "meanOutputTokens": 5}
    tripped = judge(limits, found, NOTHING)
    assert [(each.name, each.measured) for each in tripped] == [
        ("errorRate", 0.5),
        ("invalidJsonRate", 0.5),
        ("costPerRowUSD", 0.25),
        ("meanOutputTokens", 10.0),
    ]
    told = sentence(tripped, found, canary=True, waiting=1_000)
    assert told.startswith(
        "The batch paused after its first 10 rows: 50 % of the rows failed, and 10 % were allowed; "
    )
    assert "a row cost $0.25 on average, and $0.01 was allowed" in told
    assert "The last failure: No JSON. 1,000 rows wait and nothing more is sent." in told


def test_answers_that_nobody_asked_json_of_do_not_make_the_share_of_wrong_json_smaller() -> None:
    mixed = tally(*[row()] * 90, *[row(request={"jsonSchema": {}})] * 5, *[NO_JSON] * 5)
    assert judge({"invalidJsonRate": 0.2}, mixed, NOTHING) == (Tripped("invalidJsonRate", 0.2, 0.5),)


def test_rows_that_were_never_asked_say_nothing() -> None:
    reused = row(attempts=0)
    unfilled = row("error", attempts=0, error_kind="invalid_params", error_message="Missing")
    assert tally(*[reused] * 50, *[unfilled] * 50, row("cancelled"), row("pending")).rows == 0


def test_what_a_row_may_have_cost_counts_with_its_most() -> None:
    from sidecar.store.records import Uncertain

    unsure = row("error-api", error_kind="timeout", uncertain=Uncertain(1, NOTHING, Decimal("0.3")))
    assert tally(unsure).spent_usd == Decimal("0.3")


def test_what_goes_wrong_late_in_a_long_job_is_seen_in_its_latest_rows() -> None:
    late = tally(*[row()] * 100_000)
    for _ in range(RECENT_ROWS // 4):
        late.add(FAILED)
    assert judge({"errorRate": 0.05}, late, NOTHING) == (Tripped("errorRate", 0.05, 0.25, RECENT_ROWS),)
    assert "25 % of the rows failed of the latest 200" in sentence(
        judge({"errorRate": 0.05}, late, NOTHING), late, canary=False, waiting=1
    )


def test_chance_in_the_latest_rows_pauses_nothing() -> None:
    often = tally(*([row()] * 24 + [FAILED]) * 1_000)
    for _ in range(10):
        often.add(FAILED)
    assert judge({"errorRate": 0.05}, often, NOTHING) == ()


def test_a_canary_is_of_every_model_and_length_and_the_first_of_each() -> None:
    kinds: Any = {("a", 3): ["a1", "a2", "a3"], ("a", 9): ["a4"], ("b", 3): ["b1"], ("c", 3): []}
    assert choose(kinds, 3) == ["a1", "b1", "a4"]
    assert choose(kinds, 100) == ["a1", "b1", "a4", "a2", "a3"]


PAUSED = Safeguard(
    5, {"errorRate": 0.1, "totalUSD": 9.0}, "canary", (Tripped("errorRate", 0.1, 0.4),), since=1
)


def test_a_start_goes_past_the_limit_at_which_the_job_paused_and_keeps_the_others() -> None:
    found = at_start(PAUSED, NOTHING_WANTED, retry_failed=False, now=7)
    assert found == Safeguard(5, {"totalUSD": 9.0}, "all", (), since=7)


def test_retrying_failed_rows_goes_past_nothing() -> None:
    found = at_start(PAUSED, NOTHING_WANTED, retry_failed=True, now=7)
    assert found == Safeguard(5, dict(PAUSED.limits), "canary", (), since=1)


@pytest.mark.parametrize(
    ("limits", "kept"), [(None, {"errorRate": 0.5}), ({"totalUSD": 1.0}, {"totalUSD": 1.0})]
)
def test_a_canary_without_limits_may_fail_by_half(limits: Any, kept: Any) -> None:
    wanted = SafeguardWanted((("r", None), ("s", None)), limits)
    assert at_start(None, wanted, retry_failed=False, now=7) == Safeguard(2, kept, "canary", (), since=7)


def test_who_asks_for_nothing_gets_nothing() -> None:
    assert at_start(None, NOTHING_WANTED, retry_failed=False, now=7) is None
    assert at_start(None, SafeguardWanted(limits={}), retry_failed=False, now=7) is None
