"""Results that do not say to which rows they belong: what is beyond doubt is taken, and nobody asks for ever."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.field.claims import field
from tests.field.vendors import Misbehaviour, Whole, closed, native, rows, submitted, vendors

RESULTS = {
    "openai": r"GET /v1/files/file-output\S*/content",
    "anthropic": r"GET \S*/messages/batches/\S+/results",
}


def nameless(count: int) -> Misbehaviour:
    """The results without the names of so many rows, for ever."""

    def said(whole: Whole) -> Whole:
        lines = [orjson.loads(line) for line in whole[1].splitlines()]
        for line in lines[:count]:
            line.pop("custom_id")
        return whole[0], b"\n".join(map(orjson.dumps, lines))

    return Misbehaviour("GET .*/(content|results)", said, times=100_000)


@field("batches", "the output file names no row, and there is one alone")
@pytest.mark.parametrize("prompts", [["One"], ["One", "Two", "Three"]])
@pytest.mark.parametrize("provider", RESULTS)
async def test_the_one_reply_that_names_no_row_is_that_of_the_row_that_is_left(
    provider: str, prompts: list[str], tmp_path: Path
) -> None:
    async with vendors(nameless(1)) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider, prompts)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success"] * len(prompts)
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))
    assert there.count(RESULTS[provider]) == 1


@field("batches", "the output file names no row of several")
@pytest.mark.parametrize("provider", RESULTS)
async def test_rows_that_cannot_be_told_apart_end_and_are_not_asked_for_for_a_day(
    provider: str, tmp_path: Path
) -> None:
    async with vendors(nameless(2)) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider)
        await closed(process, job_id)
        came = await rows(process, job_id)
        asked = there.count(RESULTS[provider])
    assert sorted(row["status"] for row in came) == ["error-api", "error-api", "success"]
    assert asked == 3
    for row in came:
        if row["status"] != "success":
            assert "do not say to which rows they belong" in row["errorMessage"]
            assert "look at them there" in row["errorMessage"]
            assert row.get("cost_usd") is None
