"""What rows may cost before they are sent, and a budget that is a limit, beside the real process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, serving, stream, whole
from tests.field.lab import MODEL, ask, batch_rows, own_models, project, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

SEARCHING = {
    "gemini": "gemini/gemini-3.6-flash",
    "grok": "grok/grok-4.7",
    "anthropic": "anthropic/claude-sonnet-5",
}
NOBODY = "http://127.0.0.1:9"


async def save(process: SidecarProcess, **values: Any) -> None:
    for key, value in values.items():
        await process.call("settings:save", {"key": key, "value": value})


async def high(process: SidecarProcess, *rows: dict[str, Any]) -> float:
    """The high estimate of these rows."""
    usd: float = (await process.call("batch:estimate", {"rows": rows}))["highUSD"]
    return usd


@field("money", "web search on: `highUSD` grows by the fees for every row")
@pytest.mark.parametrize(("vendor", "fee"), [("gemini", 0.014), ("grok", 0.005), ("anthropic", 0.03)])
async def test_searches_are_in_the_high_estimate(vendor: str, fee: float, tmp_path: Path) -> None:
    rows = [{"prompt": f"Who {number}?", "model": SEARCHING[vendor]} for number in range(4)]
    async with sidecar(tmp_path, environment=vendor_environment(NOBODY, vendor)) as process:
        await save(process, maxWebSearchUses=3)
        without = await high(process, *rows)
        await save(process, enableWebSearch=True)
        found = await process.call("batch:estimate", {"rows": rows})
    assert found["highUSD"] >= without + 4 * fee
    assert any("3 searches" in sentence for sentence in found["assumptions"])


@field(
    "money", "OpenAI's models that write to their cache by themselves, Anthropic with caching for 5 minutes"
)
@pytest.mark.parametrize(
    ("vendor", "model", "write"),
    [("openai", "gpt-6-sol", "cacheWrite5m"), ("anthropic", "claude-sonnet-5", "cacheWrite5m")],
)
async def test_a_prompt_that_is_written_to_a_cache_is_in_the_high_estimate(
    vendor: str, model: str, write: str, tmp_path: Path
) -> None:
    row = {"prompt": "word " * 4_000, "model": f"{vendor}/{model}", "maxOutputTokens": 64}
    async with sidecar(tmp_path, environment=vendor_environment(NOBODY, vendor)) as process:
        await save(process, enablePromptCaching=True, promptCacheTTL="5m")
        found = await process.call("batch:estimate", {"rows": [row]})
        models = await process.call("models:get-all")
    [entry] = [each for each in models if each["id"] == model and each["provider"] == vendor]
    price = entry["pricing"]
    written = found["perRow"][0]["tokens_in"] * price["prompt"] * 1.25 / 1_000_000
    assert found["highUSD"] >= written
    assert found["lowUSD"] < found["totalUSD"] <= found["highUSD"]


@field("money", "a model without price, a budget of 0.000001")
async def test_what_no_price_is_known_for_is_said_to_be_beyond_the_budget(tmp_path: Path) -> None:
    async with serving(stream(*chat_chunks("Hello"), "[DONE]")) as server:
        models = own_models(server.url, model={"prices": []})
        async with sidecar(tmp_path, models=models) as process:
            await save(process, monthlyBudgetUSD=0.000001)
            answer = await ask(process)
    assert "costUSD" not in answer
    assert any("budget does not count" in note for note in answer["notes"])


@field("money", "Anthropic with web search, five searches allowed, 0.03 left")
async def test_an_answer_whose_searches_may_pass_the_budget_is_refused(tmp_path: Path) -> None:
    options: dict[str, Any] = {"options": {"enableWebSearch": True, "maxOutputTokens": 64}}
    async with (
        serving(whole({})) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        await save(process, monthlyBudgetUSD=0.03, maxWebSearchUses=5)
        error = await refused(process, model=SEARCHING["anthropic"], **options)
    assert error.data["kind"] == "budget_exceeded"
    assert server.asked == []


async def test_who_is_refused_for_searches_is_told_to_allow_fewer_and_is_answered_then(
    tmp_path: Path,
) -> None:
    asked: dict[str, Any] = {
        "model": SEARCHING["anthropic"],
        "options": {"enableWebSearch": True, "maxOutputTokens": 64},
    }
    async with sidecar(tmp_path, "--mock") as process:
        await save(process, monthlyBudgetUSD=0.05, maxWebSearchUses=5)
        error = await refused(process, **asked)
        await save(process, maxWebSearchUses=1)
        answer = await ask(process, **asked)
    # A shorter answer alone would be of no use: what is read after five searches is not left.
    assert "allow fewer web searches" in error.message
    assert answer["costUSD"] <= 0.05


async def test_rows_whose_price_rises_after_they_were_submitted_stop_at_the_budget(tmp_path: Path) -> None:
    rows = [{"prompt": f"Say {number}", "model": MODEL, "maxOutputTokens": 100} for number in range(8)]
    cheap, dear = (
        {"provider": "lab", "id": "m", "price": {"prompt": usd, "completion": usd}} for usd in (1, 100)
    )
    async with (
        serving(stream(*chat_chunks("Hello"), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        await process.call("models:save", cheap)
        home = await project(process)
        job = await process.call("batch:submit", {"projectId": home, "rows": rows})
        await save(process, monthlyBudgetUSD=job["estimate"]["highUSD"])
        await process.call("models:save", dear)
        await process.call("batch:start", {"jobId": job["id"], "concurrency": 8})
        while (await process.notification("batch:progress"))["status"] == "running":
            pass
    assert server.asked == []


def searched() -> Answer:
    """An answer of Gemini's that took one search."""
    chunk = {
        "candidates": [
            {
                "content": {"parts": [{"text": "Ada"}], "role": "model"},
                "finishReason": "STOP",
                "groundingMetadata": {"webSearchQueries": ["who"]},
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4},
        "modelVersion": "gemini-3.6-flash",
    }
    return stream(chunk)


@field("money", "20 rows by Gemini with web search (0.014 each), 0.05 left")
@pytest.mark.parametrize("searches", [1, 5])
async def test_rows_that_search_never_pass_the_budget(searches: int, tmp_path: Path) -> None:
    rows = [
        {"id": str(number), "prompt": "Who?", "model": SEARCHING["gemini"], "maxOutputTokens": 64}
        for number in range(20)
    ]
    async with (
        serving(searched()) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "gemini")) as process,
    ):
        await save(process, monthlyBudgetUSD=0.05, enableWebSearch=True, maxWebSearchUses=searches)
        job = await process.call("batch:submit", {"projectId": await project(process), "rows": rows})
        with pytest.raises(RpcError) as caught:
            await process.call("batch:start", {"jobId": job["id"], "concurrency": 8})
        stats = await process.call("activity:stats", {})
        # As many as fit are asked.
        if searches == 1:
            results = await batch_rows(process, *rows[:1])
            assert [result["cost_usd"] for result in results] == [pytest.approx(0.014, rel=0.01)]
    assert caught.value.data["kind"] == "budget_exceeded"
    assert stats["totalCost"] <= 0.05


BOTH_NAMES = "Unsupported parameter: '{}' is not known to this server."


def refusing_limits(asked: Asked) -> Answer:
    """A server that takes the limit of an answer by neither name, and writes 20,000 tokens without one."""
    for name in ("max_tokens", "max_completion_tokens"):
        if name in asked.json:
            return whole(
                {"error": {"message": BOTH_NAMES.format(name), "type": "invalid_request_error"}}, 400
            )
    usage = {"prompt_tokens": 10, "completion_tokens": 20_000, "total_tokens": 20_010}
    return stream(*chat_chunks("word " * 100, usage=usage), "[DONE]")


@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_that_a_server_writes_without_a_limit_alone_is_not_asked_for_past_the_budget(
    times: int, tmp_path: Path
) -> None:
    async with (
        serving(refusing_limits) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        await save(process, monthlyBudgetUSD=0.01)
        for _ in range(times):
            error = await refused(process, options={"maxOutputTokens": 16})
        stats = await process.call("activity:stats", {})
        await save(process, monthlyBudgetUSD=10)
        answer = await ask(process, options={"maxOutputTokens": 16})
    assert error.data["kind"] == "budget_exceeded"
    assert "without a limit" in error.message
    assert "max_tokens" in server.asked[0].json
    # What is known to be refused is not even tried a second time.
    assert len(server.asked) == 2
    assert stats["budget"]["spentUSD"] == stats["budget"]["heldBackUSD"] == 0
    assert answer["costUSD"] > 0.01


async def test_an_answer_of_gemini_whose_limit_is_refused_is_not_asked_for_past_the_budget(
    tmp_path: Path,
) -> None:
    said = {"error": {"code": 400, "message": "Unknown name maxOutputTokens", "status": "INVALID_ARGUMENT"}}
    async with (
        serving(whole(said, 400), searched()) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "gemini")) as process,
    ):
        await save(process, monthlyBudgetUSD=0.05)
        error = await refused(process, model=SEARCHING["gemini"], options={"maxOutputTokens": 16})
    assert error.data["kind"] == "budget_exceeded"
    assert len(server.asked) == 1


async def test_rows_that_a_server_answers_without_a_limit_alone_stop_at_the_budget(tmp_path: Path) -> None:
    rows = [{"id": str(n), "prompt": "Why?", "model": MODEL, "maxOutputTokens": 16} for n in range(6)]
    async with (
        serving(refusing_limits) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        await save(process, monthlyBudgetUSD=0.1)
        job = await process.call("batch:submit", {"projectId": await project(process), "rows": rows})
        await process.call("batch:start", {"jobId": job["id"], "concurrency": 3})
        while (ended := await process.notification("batch:progress"))["status"] == "processing":
            pass
        stats = await process.call("activity:stats", {})
        job = await process.call("batch:get", {"jobId": job["id"]})
    assert ended["status"] == "failed"
    assert "without a limit" in job["error"]
    assert 0 < stats["budget"]["spentUSD"] <= 0.1
    # The others wait, and are asked once there is a budget for them.
    assert job["failedRows"] == 0


async def test_a_question_of_digits_is_held_back_for_with_all_its_tokens(tmp_path: Path) -> None:
    """Each digit and each space is a token of its own: that is 6,000 of them, 0.006 dollars."""
    digits = " ".join("7319826405" * 300)
    usage = {"prompt_tokens": 6_000, "completion_tokens": 1, "total_tokens": 6_001}
    async with (
        serving(stream(*chat_chunks("9", usage=usage), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        await save(process, monthlyBudgetUSD=0.0055)
        error = await refused(process, digits, options={"maxOutputTokens": 16})
    assert error.data["kind"] == "budget_exceeded"
    assert server.asked == []


async def test_english_of_a_model_whose_tokenizer_is_public_is_not_refused_for_its_bytes(
    tmp_path: Path,
) -> None:
    """Ten thousand words are 0.02 dollars at its price, and five times as much by their bytes."""
    usage = {"prompt_tokens": 10_010, "completion_tokens": 1, "total_tokens": 10_011}
    async with (
        serving(stream(*chat_chunks("Yes", usage=usage), "[DONE]")) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        await save(process, monthlyBudgetUSD=0.03)
        model = "openai/gpt-4.1"
        answer = await ask(process, "word " * 10_000, model=model, options={"maxOutputTokens": 16})
        error = await refused(process, "word " * 10_000, model=model, options={"maxOutputTokens": 16})
    assert answer["content"] == "Yes"
    assert error.data["kind"] == "budget_exceeded"
