"""Ends, counts and rows of batches that do not add up, beside the real process: nothing that was paid for is let go."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.field.vendors import (
    Misbehaviour,
    Whole,
    changed,
    closed,
    native,
    not_found,
    rows,
    submitted,
    until,
    vendors,
)

STATE = {
    "openai": r"GET /v1/batches/",
    "anthropic": r"GET \S*/messages/batches/[^/?]+$",
    "gemini": r"GET \S*/batches/[^/]+$",
    "grok": r"GET \S*/v1/batches/[^/?]+$",
}
RESULTS = {
    "openai": r"GET /v1/files/file-output\S*/content",
    "anthropic": r"GET \S*/messages/batches/\S+/results",
    "gemini": r"GET \S*files/\S*:download",
    "grok": r"GET \S*/batches/\S+/results",
}
ALWAYS = 1_000_000


async def answered_and_paid(
    folder: Path,
    provider: str,
    *misbehaviours: Misbehaviour,
    prompts: tuple[str, ...] = ("One", "Two", "Three"),
) -> None:
    """Every row of a batch beside these misbehaviours has its answer and its cost, and the batch was created once."""
    async with vendors(*misbehaviours) as there, native(folder, there) as process:
        job_id = await submitted(process, provider, prompts)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success"] * len(prompts)
    assert found["status"] == "completed"
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))
    assert len(there.batches) == 1


def _member(name: str, change: Callable[[Any], Any]) -> Callable[[Whole], Whole]:
    return changed(lambda batch: {**batch, name: change(batch[name])} if batch.get(name) else batch)


def _gemini_state(change: Callable[[str], str]) -> Callable[[Whole], Whole]:
    def said(batch: Any) -> Any:
        batch["metadata"]["state"] = change(batch["metadata"]["state"])
        return batch

    return changed(said)


@pytest.mark.parametrize("word", [" completed ", "succeeded", "COMPLETED_WITH_ERRORS"])
async def test_a_batch_that_ended_in_a_gateway_s_own_word_is_collected(word: str, tmp_path: Path) -> None:
    odd = _member("status", lambda said: word if said == "completed" else said)
    await answered_and_paid(tmp_path, "openai", Misbehaviour(STATE["openai"], odd, ALWAYS))


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("anthropic", _member("processing_status", lambda said: "completed" if said == "ended" else said)),
        ("gemini", _gemini_state(str.lower)),
        ("gemini", _gemini_state(lambda said: "COMPLETED" if said.endswith("SUCCEEDED") else said)),
    ],
)
async def test_a_state_in_other_words_or_letters_ends_a_batch_too(
    provider: str, said: Callable[[Whole], Whole], tmp_path: Path
) -> None:
    await answered_and_paid(tmp_path, provider, Misbehaviour(STATE[provider], said, ALWAYS))


@pytest.mark.parametrize("how", ["left out", "less than none", "as text"])
async def test_a_running_batch_of_xai_that_does_not_say_how_many_wait_is_not_taken_for_ended(
    how: str, tmp_path: Path
) -> None:
    def odd(state: Any) -> Any:
        if how == "as text":
            return {name: str(number) for name, number in state.items()}
        others = {name: number for name, number in state.items() if name != "num_pending"}
        return others if how == "left out" else {**others, "num_pending": -1}

    await answered_and_paid(tmp_path, "grok", Misbehaviour(STATE["grok"], _member("state", odd), ALWAYS))


async def test_a_clock_that_is_years_ahead_does_not_end_a_running_batch_of_xai(tmp_path: Path) -> None:
    past = _member("expire_time", lambda said: "2001-01-01T00:00:00Z")
    await answered_and_paid(tmp_path, "grok", Misbehaviour(STATE["grok"], past, ALWAYS))


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("number", [0, "0"])
async def test_short_results_are_fetched_again_though_the_counts_lag_behind(
    number: Any, provider: str, tmp_path: Path
) -> None:
    lagging = _member("request_counts", lambda counts: dict.fromkeys(counts, number))
    short = Misbehaviour(RESULTS[provider], lambda said: (said[0], said[1].splitlines()[0]), 2)
    await answered_and_paid(tmp_path, provider, Misbehaviour(STATE[provider], lagging, ALWAYS), short)
    assert short.left == 0


async def test_what_was_read_is_had_at_once_though_the_file_of_errors_is_gone(tmp_path: Path) -> None:
    gone = Misbehaviour(r"GET /v1/files/file-error\S*/content", not_found("No such File object."), ALWAYS)
    prompts = ["One", "Two [[simulate: status=400]]", "Three"]
    async with vendors(gone) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, prompts=prompts)
        found = await until(process, job_id, lambda found: found["completedRows"] == 2)
        assert found["status"] == "processing"
        came = await rows(process, job_id)
        assert [row["status"] for row in came] == ["success", "processing", "success"]
        gone.left = 0
        await closed(process, job_id)
        came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success", "error-api", "success"]


async def test_a_file_of_errors_that_is_gone_holds_up_no_batch_whose_rows_all_have_answers(
    tmp_path: Path,
) -> None:
    named = changed(
        lambda batch: {**batch, "error_file_id": "file-gone"} if batch["status"] == "completed" else batch
    )
    await answered_and_paid(tmp_path, "openai", Misbehaviour(STATE["openai"], named, ALWAYS))


async def test_rows_that_an_expired_batch_did_not_come_to_cost_nothing(tmp_path: Path) -> None:
    counts = {"total": 3, "completed": 1, "failed": 0}
    half = changed(
        lambda batch: (
            {**batch, "status": "expired", "request_counts": counts}
            if batch["status"] == "completed"
            else batch
        )
    )
    expired = Misbehaviour(STATE["openai"], half, ALWAYS)
    one = Misbehaviour(RESULTS["openai"], lambda said: (said[0], said[1].splitlines()[0]), ALWAYS)
    async with vendors(expired, one) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert sorted(row["status"] for row in came) == ["error-api", "error-api", "success"]
    left = [row for row in came if row["status"] != "success"]
    assert all(row["cost_usd"] == 0 and "cost nothing" in row["errorMessage"] for row in left)
    assert found["totalCost"] == pytest.approx(sum(row["cost_usd"] for row in came))


def _silent(said: Whole) -> Whole:
    """Rows with neither answer nor error, in each vendor's shape."""
    if said[1].startswith(b'{"results"'):
        page = orjson.loads(said[1])
        return said[0], orjson.dumps(
            {**page, "results": [{**row, "batch_result": None} for row in page["results"]]}
        )
    lines = [orjson.loads(line) for line in said[1].splitlines()]
    kept = ({**line, "response": None, "result": {"type": "paused"}} for line in lines)
    return said[0], b"\n".join(map(orjson.dumps, kept))


@pytest.mark.parametrize("provider", ["anthropic", "gemini", "grok"])
async def test_a_row_of_which_nothing_is_said_is_looked_for_again(provider: str, tmp_path: Path) -> None:
    silent = Misbehaviour(RESULTS[provider], _silent, 2)
    await answered_and_paid(tmp_path, provider, silent)
    assert silent.left == 0


async def test_the_kind_of_a_result_is_read_in_any_letters(tmp_path: Path) -> None:
    def loud(said: Whole) -> Whole:
        return said[0], re.sub(rb'"type":\s*"succeeded"', b'"type":"SUCCEEDED"', said[1])

    await answered_and_paid(tmp_path, "anthropic", Misbehaviour(RESULTS["anthropic"], loud, ALWAYS))
