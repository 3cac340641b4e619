"""What calls cost, line by line: every row of a mixed run is recomputed from what is stored of it."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from sidecar.app import SIMULATED_KEY
from sidecar.key_text import key_mark
from sidecar.store import kv
from tests.helpers.inside import Inside, inside

QUESTION = "Why is the sky blue, and the evening red?"
MODELS = (
    "openai/gpt-6.1-terra",
    "openai/gpt-6-sol",
    "anthropic/claude-opus-5-5",
    "gemini/gemini-3.6-flash",
    "grok/grok-4.7",
)


async def explained(app: Inside, **params: Any) -> Any:
    answer = await app.ask("cost:explain", params)
    return answer.get("result", answer.get("error"))


@pytest.mark.parametrize("options", [{}, {"enableWebSearch": True}, {"enablePromptCaching": True}])
@pytest.mark.parametrize("model", MODELS)
async def test_the_lines_of_an_answer_add_up_to_its_cost(
    model: str, options: dict[str, Any], app: Inside
) -> None:
    asked = {"conversationId": "talk", "content": QUESTION, "modelId": model, "options": options}
    reply = (await app.ask("chat:send", asked))["result"]
    [call] = await explained(app, messageId=reply["id"])
    assert call["costUSD"] == reply["costUSD"]
    assert sum(line["usd"] for line in call["lines"]) == pytest.approx(call["costUSD"], abs=1e-12)
    for line in call["lines"]:
        if call["namedBy"] == "price list":
            recomputed = line["quantity"] * line["ratePerMillionUSD"] / 1_000_000
            assert line["usd"] == pytest.approx(recomputed, abs=1e-12)
    assert call["requests"] == 1


async def test_what_was_never_spent_is_not_found(app: Inside) -> None:
    assert (await explained(app, messageId="nobody"))["code"] == -32001
    assert (await explained(app, jobId="nobody", rowId="1"))["code"] == -32001


async def test_an_answer_or_a_batch_must_be_named(app: Inside) -> None:
    assert (await explained(app))["code"] == -32602


async def ran(here: Inside, method: str, rows: list[dict[str, Any]], **params: Any) -> str:
    """Run a batch to its end; its id."""
    project = (await here.ask("project:create", {"name": "Costs"}))["result"]["id"]
    made = (await here.ask(method, {"projectId": project, "rows": rows, **params}))["result"]
    job: str = made.get("jobId") or made["id"]
    async with asyncio.timeout(60):
        while (await here.ask("batch:get", {"jobId": job}))["result"]["status"] != "completed":
            pass
    return job


async def test_a_batch_is_explained_by_row_and_in_pages(app: Inside) -> None:
    rows = [{"id": str(number), "prompt": f"Why {number}?", "model": MODELS[0]} for number in range(5)]
    job = await ran(app, "batch:submit", rows, start=True, concurrency=1)
    every = await explained(app, jobId=job)
    assert [call["state"] for call in every] == ["settled"] * 5
    pages = [await explained(app, jobId=job, limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [call for page in pages for call in page] == every
    # A row is known by the id that its results have.
    [result, *_] = (await app.ask("batch:get-results", {"jobId": job}))["result"]
    [call] = await explained(app, jobId=job, rowId=result["id"])
    assert call["costUSD"] == result["cost_usd"]
    assert sum(line["usd"] for line in call["lines"]) == pytest.approx(call["costUSD"], abs=1e-12)
    assert (await explained(app, jobId=job, rowId="nobody"))["code"] == -32001


async def test_rows_of_a_vendor_s_batch_say_where_they_went_and_by_which_key(tmp_path: Path) -> None:
    rows = [{"id": str(number), "prompt": f"Why {number}?", "model": MODELS[0]} for number in range(2)]
    async with inside(tmp_path, day="2026-11-23", batch_poll_ms=0) as here:
        job = await ran(here, "batch:submit-native", rows, providerName="openai")
        for call in await explained(here, jobId=job):
            assert (call["host"], call["batchRate"], call["state"]) == ("api.openai.com", True, "settled")
            assert call["keyMark"] == await here.services.core.key_marks.of(SIMULATED_KEY)


async def mark_of_a_question(here: Inside) -> str:
    asked = {"conversationId": "talk", "content": QUESTION, "modelId": MODELS[0]}
    answer = await here.ask("chat:send", asked)
    found = await explained(here, messageId=answer["result"]["id"])
    assert len(found) == 1, found
    [call] = found
    return str(call["keyMark"])


async def test_calls_by_one_key_can_be_told_from_those_by_another_also_after_a_restart(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path / "one") as here:
        first = await mark_of_a_question(here)
        assert await mark_of_a_question(here) == first
        await here.ask(
            "settings:save", {"key": "apiKey", "provider": "openai", "value": "sk-another-key-0123456"}
        )
        other = await mark_of_a_question(here)
    assert other != first
    async with inside(tmp_path / "one") as here:
        assert await mark_of_a_question(here) == first
    async with inside(tmp_path / "two") as here:
        assert await mark_of_a_question(here) != first


async def test_a_mark_is_neither_the_key_nor_the_hash_that_anybody_could_make_of_it(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        mark = await mark_of_a_question(here)
        salt = await here.services.store.read(kv.get, "keyMarkSalt")
    assert len(mark) == 6
    assert mark != hashlib.blake2b(SIMULATED_KEY.encode(), digest_size=3).hexdigest()
    assert mark == key_mark(SIMULATED_KEY, str(salt))
    assert SIMULATED_KEY.encode() not in b"".join(each.read_bytes() for each in tmp_path.glob("*.db*"))
