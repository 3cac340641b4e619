from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.inside import Inside, inside

MODELS = {
    "openai": "openai/gpt-6-luna",
    "anthropic": "anthropic/claude-haiku-5-5",
    "gemini": "gemini/gemini-3.8-flash",
    "grok": "grok/grok-4.3",
}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


async def project(here: Inside) -> str:
    made = await here.ask("project:create", {"name": "P"})
    return str(made["result"]["id"])


async def submit(here: Inside, provider: str, *rows: dict[str, Any]) -> dict[str, Any]:
    given = [{"model": MODELS[provider], **row} for row in rows]
    answer = await here.ask(
        "batch:submit-native", {"projectId": await project(here), "providerName": provider, "rows": given}
    )
    return dict(answer["result"]) if "result" in answer else dict(answer)


async def ended(here: Inside, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            job = (await here.ask("batch:get", {"jobId": job_id}))["result"]
            if job["status"] in ("completed", "failed", "cancelled"):
                return dict(job)


@pytest.mark.parametrize("provider", MODELS)
async def test_a_native_batch_is_run_by_its_vendor_and_billed_as_the_vendor_bills_it(
    tmp_path: Path, provider: str
) -> None:
    async with inside(tmp_path, batch_poll_ms=5) as here:
        sent = await submit(
            here,
            provider,
            {"id": "a", "prompt": "Reply with exactly: one"},
            {"id": "b", "prompt": "Say {{word}}", "data": {"word": "two"}, "system": "Be brief."},
            {"id": "c", "prompt": "A number, please.", "jsonSchema": SCHEMA},
        )
        job = await ended(here, sent["jobId"])
        by_native = {"nativeBatchId": sent["nativeBatchId"], "providerName": provider}
        rows = (await here.ask("batch:get-results", by_native))["result"]
        status = (await here.ask("batch:get-status", by_native))["result"]
        billed = here.simulator.ledger.wire()["batches"]
    assert (sent["provider"], sent["status"]) == (provider, "submitted")
    assert (job["mode"], job["status"], job["completedRows"], job["failedRows"]) == (
        "native",
        "completed",
        3,
        0,
    )
    assert [(part["nativeBatchId"], part["rows"]) for part in job["native"]] == [(sent["nativeBatchId"], 3)]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert rows[0]["response"] == "one"
    assert len({row["custom_id"] for row in rows}) == 3
    assert status["request_counts"]["total"] == 3
    assert len(billed) == 1
    # What the sidecar says it cost is what the vendor charged, to the digit.
    assert Decimal(billed[0]["chargedUSD"]) == Decimal(repr(job["totalCost"])) > 0
    # It was expected at the batch's rate, and is held against that.
    expected = job["estimate"]
    assert expected["nativeUSD"] == expected["totalUSD"]
    assert expected["lowUSD"] <= job["totalCost"] <= expected["highUSD"]
    assert expected["differenceUSD"] == pytest.approx(job["totalCost"] - expected["nativeUSD"], abs=1e-12)


async def test_the_progress_of_a_native_batch_is_notified_and_ends_with_its_end(tmp_path: Path) -> None:
    async with inside(tmp_path, batch_poll_ms=5) as here:
        here.send(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "batch:submit-native",
                "params": {
                    "projectId": await project(here),
                    "providerName": "openai",
                    "rows": [{"prompt": "One", "model": MODELS["openai"]}],
                },
            }
        )
        while True:
            message = await here.next_message()
            told = message.get("params", {})
            if message.get("method") == "batch:progress" and told["status"] == "completed":
                break
    assert (told["completedRows"], told["percentage"]) == (1, 100)


async def test_models_that_cannot_be_batched_are_refused_by_name(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        answer = await here.ask(
            "batch:submit-native",
            {
                "projectId": await project(here),
                "providerName": "openai",
                "rows": [{"prompt": "One", "model": MODELS["gemini"]}],
            },
        )
        unknown = await here.ask("batch:get-status", {"nativeBatchId": "x", "providerName": "nobody"})
    assert answer["error"]["code"] == -32018
    assert MODELS["gemini"] in answer["error"]["message"]
    assert unknown["error"]["data"]["kind"] == "not_found"


async def test_a_native_batch_can_be_cancelled(tmp_path: Path) -> None:
    async with inside(tmp_path, batch_poll_ms=60_000) as here:
        sent = await submit(here, "openai", {"prompt": "One"}, {"prompt": "Two"})
        cancelled = (await here.ask("batch:cancel", {"jobId": sent["jobId"]}))["result"]
        again = await here.ask("batch:cancel", {"jobId": sent["jobId"]})
    assert (cancelled["status"], cancelled["mode"]) == ("cancelled", "native")
    assert again["error"]["data"]["kind"] == "conflict"


async def test_rows_that_no_batch_of_the_vendor_can_do_fail_and_the_job_is_not_left_running(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path, batch_poll_ms=5) as here:
        await here.ask("settings:save", {"key": "enableWebSearch", "value": True})
        refused = await submit(here, "grok", {"prompt": "One"}, {"prompt": "Two"})
        listed = await here.ask(
            "batch:list", {"projectId": (await here.ask("project:list"))["result"][0]["id"]}
        )
        (job,) = listed["result"]
        rows = (await here.ask("batch:get-results", {"jobId": job["id"]}))["result"]
        await here.ask("settings:save", {"key": "enableWebSearch", "value": False})
        await here.ask("batch:retry-failed", {"jobId": job["id"]})
        again = await ended(here, job["id"])
    assert refused["error"]["data"]["kind"] == "unsupported"
    assert "Turn web search off" in refused["error"]["message"]
    assert (job["status"], job["failedRows"]) == ("completed", 2)
    assert {row["error"] for row in rows} == {"unsupported"}
    assert (again["status"], again["completedRows"], again["failedRows"]) == ("completed", 2, 0)
