"""Batches whose members gateways put or call otherwise than the vendor: what was paid for is had, or said to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.field.test_batches_counts import RESULTS, STATE
from tests.field.vendors import Misbehaviour, Whole, changed, closed, native, rows, submitted, until, vendors

ALWAYS = 1_000_000
Change = Callable[[Any], Any]


def lines(change: Change) -> Callable[[Whole], Whole]:
    """Each line of the results changed so."""
    return lambda said: (
        said[0],
        b"\n".join(orjson.dumps(change(orjson.loads(line))) for line in said[1].splitlines()),
    )


def renamed(old: str, new: str) -> Change:
    return lambda value: {new if name == old else name: told for name, told in value.items()}


def member(name: str, change: Change) -> Change:
    return lambda value: {**value, name: change(value[name])} if name in value else value


def as_chat(line: Any) -> Any:
    """The row's reply as one of chat completions."""
    body = line["response"]["body"]
    usage = body["usage"]
    counts = {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
    text = body["output"][-1]["content"][0]["text"]
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    reply = {"id": "c", "model": body["model"], "choices": [choice], "usage": counts}
    return {**line, "response": {"status_code": 200, "body": reply}}


def without_operation(operation: Any) -> Any:
    return {"name": operation["name"], **operation["metadata"]}


def as_client_shows_it(operation: Any) -> Any:
    output = operation["metadata"].get("output") or {}
    file = {"fileName": output.get("responsesFile")}
    return {"name": operation["name"], "state": operation["metadata"]["state"], "dest": file}


WHOLE_BATCHES: dict[str, tuple[str, Misbehaviour]] = {
    name: (vendor, Misbehaviour(pattern, said, ALWAYS))
    for name, vendor, pattern, said in (
        ("ids in capitals", "openai", RESULTS["openai"], lines(member("custom_id", str.upper))),
        (
            "ids with more",
            "openai",
            RESULTS["openai"],
            lines(member("custom_id", lambda id_: f" acme/{id_} ")),
        ),
        ("ids in another spelling", "openai", RESULTS["openai"], lines(renamed("custom_id", "customId"))),
        (
            "replies without a status",
            "openai",
            RESULTS["openai"],
            lines(member("response", lambda told: told["body"])),
        ),
        ("replies of another endpoint", "openai", RESULTS["openai"], lines(as_chat)),
        (
            "a state in an object",
            "openai",
            STATE["openai"],
            changed(member("status", lambda word: {"state": word})),
        ),
        (
            "an envelope",
            "openai",
            r"(GET|POST) /v1/batches",
            changed(lambda batch: {"code": 0, "data": batch}),
        ),
        ("an envelope around a file", "openai", "POST /v1/files", changed(lambda file: {"file": file})),
        ("ids in capitals there", "anthropic", RESULTS["anthropic"], lines(member("custom_id", str.upper))),
        (
            "bare replies",
            "anthropic",
            RESULTS["anthropic"],
            lines(member("result", lambda told: told["message"])),
        ),
        ("an envelope there", "anthropic", STATE["anthropic"], changed(lambda batch: {"data": batch})),
        ("keys in capitals", "gemini", RESULTS["gemini"], lines(member("key", str.upper))),
        ("no operation", "gemini", STATE["gemini"], changed(without_operation)),
        ("as its client shows it", "gemini", STATE["gemini"], changed(as_client_shows_it)),
        ("another name for the id", "grok", STATE["grok"], changed(renamed("batch_id", "id"))),
    )
}


@pytest.mark.parametrize("how", WHOLE_BATCHES)
async def test_a_batch_is_had_whole_however_a_gateway_writes_it_down(how: str, tmp_path: Path) -> None:
    vendor, odd = WHOLE_BATCHES[how]
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, vendor)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
    assert odd.left < ALWAYS
    assert [row["status"] for row in came] == ["success"] * 3
    assert found["totalCost"] == pytest.approx(float(there.batches[0]["chargedUSD"]))


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_results_of_nobody_s_rows_are_not_waited_for_for_a_day(vendor: str, tmp_path: Path) -> None:
    strange = Misbehaviour(RESULTS[vendor], lines(member("custom_id", lambda id_: f"x{id_[-3:]}")), ALWAYS)
    async with vendors(strange) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, vendor)
        await closed(process, job_id)
        came = await rows(process, job_id)
    for row in came:
        assert "do not say to which rows they belong" in row["errorMessage"]
        assert row.get("cost_usd") is None


async def test_results_that_are_not_kept_any_more_are_said_to_be_gone(tmp_path: Path) -> None:
    def archived(batch: Any) -> Any:
        gone = {"results_url": None, "archived_at": "2026-01-01T00:00:00Z"}
        return batch | gone if batch["processing_status"] == "ended" else batch

    async with (
        vendors(Misbehaviour(STATE["anthropic"], changed(archived), ALWAYS)) as there,
        native(tmp_path, there) as process,
    ):
        job_id = await submitted(process, "anthropic")
        found = await closed(process, job_id)
    assert "those of this batch are gone" in found["error"]


async def test_a_state_that_nobody_knows_is_told(tmp_path: Path) -> None:
    def unknown(batch: Any) -> Any:
        odd = {"status": "glorified", "completed_at": None}
        return batch | odd if batch["status"] == "completed" else batch

    odd = Misbehaviour(STATE["openai"], changed(unknown), ALWAYS)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        job_id = await submitted(process)
        found = await until(process, job_id, lambda job: bool(job.get("error")))
        assert "'glorified'" in found["error"]
        odd.left = 0
        found = await closed(process, job_id)
    assert (found["status"], found.get("error")) == ("completed", None)
