"""Results that come late, short or broken, beside the real process: what was paid for is had, and had once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.field.claims import field
from tests.field.hostile import Answer
from tests.field.vendors import Misbehaviour, Whole, changed, closed, ended, native, rows, submitted, vendors
from tests.helpers.process import SidecarProcess

# Where each vendor gives what came of the rows.
RESULTS = {
    "openai": r"GET /v1/files/file-output\S*/content",
    "anthropic": r"GET \S*/messages/batches/\S+/results",
    "gemini": r"GET \S*files/\S*:download",
    "grok": r"GET \S*/batches/\S+/results",
}
PAGE = b"<!doctype html><title>502</title>"


async def whole_with_its_cost(process: SidecarProcess, job_id: str, charged_usd: Any) -> dict[str, Any]:
    found = await closed(process, job_id)
    came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success"] * found["totalRows"]
    assert all(row["response"] for row in came)
    assert (found["status"], found["completedRows"]) == ("completed", found["totalRows"])
    assert found["totalCost"] == pytest.approx(float(charged_usd))
    return found


def first_line(said: Whole) -> Whole:
    return said[0], said[1].splitlines()[0]


BROKEN: dict[str, Whole | Answer | Callable[[Whole], Whole]] = {
    "nothing": (200, b""),
    "a web page": (200, PAGE),
    "the first line": first_line,
    "lines that are no JSON": (200, b"upstream timeout\nupstream timeout\n"),
}


@field("batches", "OpenAI counts 3 completed; the output file is empty at the first fetch")
@field("batches", "the same with a web page at the first fetch")
@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_results_that_are_short_of_the_vendor_s_own_count_are_fetched_again(
    tmp_path: Path, provider: str, how: str
) -> None:
    broken = Misbehaviour(RESULTS[provider], BROKEN[how])
    async with vendors(broken) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider)
        found = await closed(process, job_id)
        charged = there.batches[0]["chargedUSD"]
        await whole_with_its_cost(process, job_id, charged)
    assert broken.left == 0
    assert len(there.batches) == 1
    assert "error" not in found


@pytest.mark.parametrize("how", ["nothing", "a web page"])
async def test_xai_s_results_are_fetched_again_too(tmp_path: Path, how: str) -> None:
    broken = Misbehaviour(RESULTS["grok"], BROKEN[how])
    async with vendors(broken) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, "grok")
        await closed(process, job_id)
        await whole_with_its_cost(process, job_id, there.batches[0]["chargedUSD"])
    assert broken.left == 0


@field("batches", "OpenAI completed with `failed: 1`; the error file's id comes some looks later")
async def test_an_error_file_that_is_named_later_is_waited_for(tmp_path: Path) -> None:
    def unnamed(batch: Any) -> Any:
        return batch | {"error_file_id": None}

    late = Misbehaviour(r"GET /v1/batches/", changed(unnamed), times=6)
    prompts = ["One", "Two [[simulate: status=400]]", "Three"]
    async with vendors(late) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, prompts=prompts)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert [row["status"] for row in came] == ["success", "error-api", "success"]
    assert "simulator" in came[1]["errorMessage"]
    assert came[1]["cost_usd"] == 0
    assert (found["status"], found["failedRows"]) == ("completed", 1)


@field("batches", "OpenAI `failed` with no list of errors and no counts")
async def test_a_batch_that_failed_without_a_word_ran_nothing(tmp_path: Path) -> None:
    def wordless(batch: Any) -> Any:
        return batch | {"errors": None, "request_counts": None} if batch["status"] == "failed" else batch

    silent = Misbehaviour(r"GET /v1/batches/", changed(wordless), times=100)
    async with vendors(silent) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, prompts=["One [[simulate: batch_fails=true]]", "Two"])
        found = await ended(process, job_id)
        came = await rows(process, job_id)
    assert (found["status"], found["totalCost"]) == ("failed", 0)
    assert "did not say why" in found["error"]
    assert [(row["status"], row["cost_usd"]) for row in came] == [("error-api", 0)] * 2
    for said in (found["error"], *(row["errorMessage"] for row in came)):
        assert "may have been charged" not in said
        assert "Nothing of it was run or charged." in said


@field("batches", "Gemini's inline results come without the metadata that was sent")
async def test_no_answer_of_gemini_s_is_lost_for_want_of_metadata(tmp_path: Path) -> None:
    def nameless(batch: Any) -> Any:
        for output in (batch.get("response"), batch.get("metadata", {}).get("output")):
            for row in ((output or {}).get("inlinedResponses") or {}).get("inlinedResponses", []):
                row.pop("metadata", None)
        return batch

    forgetful = Misbehaviour(r"GET \S*/batches/", changed(nameless), times=1_000)
    async with vendors(forgetful) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, "gemini")
        await closed(process, job_id)
        await whole_with_its_cost(process, job_id, there.batches[0]["chargedUSD"])


@field("batches", "a row cut at its token limit before any word")
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_row_that_was_cut_before_its_first_word_is_no_plain_success(
    tmp_path: Path, provider: str
) -> None:
    def wordless(said: Whole) -> Whole:
        lines = [orjson.loads(line) for line in said[1].splitlines()]
        return said[0], b"\n".join(orjson.dumps(_cut_off(line)) for line in lines)

    cut = Misbehaviour(RESULTS[provider], wordless, times=100)
    async with vendors(cut) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider, ["One"])
        await closed(process, job_id)
        (row,) = await rows(process, job_id)
    assert row["status"] == "error"
    assert row["cost_usd"] == pytest.approx(float(there.batches[0]["chargedUSD"]))
    assert "Raise the maximum answer length" in row["errorMessage"]


def _cut_off(line: Any) -> Any:
    message = line["response"]["body"] if "response" in line else line["result"]["message"]
    if "output" in message:
        message |= {
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [],
        }
    else:
        message |= {"stop_reason": "max_tokens", "content": []}
    return line


@field("batches", "Stay as they are: blank lines, stray rows, lines that are no rows")
async def test_what_is_no_row_among_the_results_is_passed_over(tmp_path: Path) -> None:
    def littered(said: Whole) -> Whole:
        stray = b'{"custom_id": "of-somebody-else", "response": null, "error": null}'
        return said[0], b"\n\n".join([b"not json", stray, *said[1].splitlines(), b"[1]"]).rstrip()

    litter = Misbehaviour(RESULTS["openai"], littered, times=100)
    async with vendors(litter) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        await closed(process, job_id)
        await whole_with_its_cost(process, job_id, there.batches[0]["chargedUSD"])
        assert litter.left == 99


@pytest.mark.parametrize("order", [1, -1])
async def test_of_two_results_of_one_row_the_answer_wins(tmp_path: Path, order: int) -> None:
    def doubled(said: Whole) -> Whole:
        lines = [orjson.loads(line) for line in said[1].splitlines()]
        broken = {"status_code": 500, "request_id": "r", "body": {"error": {"message": "It broke."}}}
        both: Sequence[Any] = [*lines, *({**line, "response": broken} for line in lines)]
        return said[0], b"\n".join(map(orjson.dumps, both[::order]))

    twice = Misbehaviour(RESULTS["openai"], doubled, times=100)
    async with vendors(twice) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        await closed(process, job_id)
        await whole_with_its_cost(process, job_id, there.batches[0]["chargedUSD"])


@field("batches", "xAI: a login page takes the rows that are added")
@pytest.mark.parametrize("times", [1, 2])
async def test_rows_that_a_login_page_took_are_added_again(times: int, tmp_path: Path) -> None:
    page = Misbehaviour(r"POST \S*/batches/[^/]+/requests", (200, PAGE), times=times)
    async with vendors(page) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, "grok")
        await closed(process, job_id)
        await whole_with_its_cost(process, job_id, there.batches[0]["chargedUSD"])
    assert page.left == 0
    assert len(there.batches) == 1
