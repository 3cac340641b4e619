"""Words of the right kind that mean nothing, which another program wrote into the database: none of them goes out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from sidecar.contract.methods import METHODS
from sidecar.methods.result_shapes import judge_of
from tests.field.hostile import serving
from tests.field.lab import MODEL, ask, own_models, sidecar
from tests.field.vendors import ended
from tests.fuzz.test_odd_values import ANSWER, filled, loosened
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError, SidecarProcess

SHAPES = orjson.loads((REPOSITORY / "sidecar" / "contract" / "result_shapes.json").read_bytes())
ODD = [
    *(("batch_jobs", name, "odd") for name in ("mode", "source", "status", "error_kind")),
    *(("batch_results", name, "odd") for name in ("status", "error_kind", "finish_reason")),
    *(("messages", name, "odd") for name in ("finish_reason", "provider")),
    *(("ledger", name, "odd") for name in ("kind", "state", "settled_by", "provider", "service_tier")),
    ("batch_jobs", "safeguard", '{"canary": 1, "phase": "odd", "tripped": [{"name": "odd"}]}'),
    ("batch_jobs", "estimate", '{"odd": 1}'),
    ("batch_results", "verdicts", '[1, {"name": 1}, {"name": "odd", "passed": true}]'),
    ("ledger", "parts", '["odd", {"unit": "searches"}]'),
    ("ledger", "surcharges", '["kept", 1]'),
    ("messages", "citations", '["odd", {"url": 1}, {"url": "https://a.b", "title": "A"}]'),
    ("projects", "chat", '{"promptCacheTTL": "7h", "reasoningEffort": "odd", "systemPrompt": "Be kind."}'),
]
SETTINGS: list[tuple[str, Any]] = [
    ("maxOutputTokens", "odd"),
    ("monthlyBudgetUSD", {"odd": 1}),
    ("monthlyBudgetUSD", -5),
    ("retryBrokenAnswers", None),
    ("retryBrokenAnswers", 99),
    ("reasoningEffort", "odd"),
    ("concurrency", {"openai": -1}),
    ("proxy", 5),
    ("proxy", "http://" + "a" * 2000),
    ("caFile", "/" * 4097),
]


async def looked_at(process: SidecarProcess) -> dict[str, list[Any]]:
    """What every method that only reads tells of what is there."""
    found: dict[str, list[Any]] = {}

    async def result(method: str, **params: Any) -> Any:
        told = await process.call(method, params)
        found.setdefault(method, []).append(told)
        return told

    for method in (
        "settings:load",
        "project:list",
        "activity:stats",
        "work:list",
        "models:get-all",
        "data:backups",
    ):
        await result(method)
    await result("messages:search", query="morning")
    for project in await result("project:list"):
        named = {"projectId": project["id"]}
        await result("project:get", id=project["id"])
        for method in ("activity:get", "activity:stats", "compare:votes", "compare:board"):
            await result(method, **named)
        for each in await result("conversation:list", **named):
            for message in await result("messages:list", conversationId=each["id"]):
                await result("messages:versions", id=message["id"])
                if message["role"] == "assistant":
                    await result("cost:explain", messageId=message["id"])
        for job in await result("batch:list", **named):
            for method in ("batch:get", "batch:get-status", "batch:get-results", "cost:explain"):
                await result(method, jobId=job["id"])
    return found


async def test_words_that_mean_nothing_never_leave_and_what_is_right_beside_them_stays(
    tmp_path: Path,
) -> None:
    await filled(tmp_path)
    loosened(tmp_path / "abai.db")
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
        for table, column, value in ODD:
            conn.execute(f"UPDATE {table} SET {column} = ?", (value,))
        conn.commit()
    async with sidecar(tmp_path) as process:
        found = await looked_at(process)
        reads = {method.name for method in METHODS if method.reads}
        assert reads - found.keys() == {
            "jobqueue:load-state",
            "jobqueue:list-files",
            "history:read",
            "batch:estimate",
            "compare:differences",
            "cost:reprice",
        }
        for method, results in found.items():
            judge = judge_of(SHAPES[method])
            assert [each for each in results if not judge(each)] == [], method
    (answer,) = [each for each in found["messages:list"][0] if each["role"] == "assistant"]
    assert answer["citations"] == [{"url": "https://a.b", "title": "A"}]
    assert answer.get("finishReason") is None
    assert {json.dumps(each["chat"]) for each in found["project:list"][0]} == {'{"systemPrompt": "Be kind."}'}


@pytest.mark.parametrize("written", ['{"canary": 1, "limits": {"totalUSD": "a lot"}}', "no JSON", "[]"])
async def test_a_batch_whose_limits_another_program_has_spoilt_stops_at_its_first_cost_and_not_never(
    written: str, tmp_path: Path
) -> None:
    rows = [{"prompt": f"Why {number}?", "model": MODEL} for number in range(12)]
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        project = (await process.call("project:create", {"name": "Field"}))["id"]
        job = (await process.call("batch:submit", {"projectId": project, "rows": rows}))["id"]
        process.close_stdin()
        await process.wait()
        loosened(tmp_path / "abai.db")
        with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
            conn.execute("UPDATE batch_jobs SET safeguard = ?", (written,))
            conn.commit()
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await process.call("batch:list", {"projectId": project})
        await process.call("batch:start", {"jobId": job, "concurrency": 1})
        told = await ended(process, job)
        assert told["status"] == "failed"
        assert told["safeguard"]["tripped"][0]["name"] == "totalUSD"
        assert "Start the batch to go on past this" in told["error"]
        assert len(server.asked) < len(rows)
        # The person's word: it goes on.
        await process.call("batch:start", {"jobId": job})
        assert (await ended(process, job))["status"] == "completed"


@pytest.mark.parametrize(("name", "value"), SETTINGS)
async def test_a_saved_setting_that_cannot_be_is_told_and_nothing_is_asked_until_it_is_saved_again(
    name: str, value: Any, tmp_path: Path
) -> None:
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        defaults = await process.call("settings:load")
        with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
            conn.execute("INSERT INTO settings VALUES (?, ?, 1)", (name, json.dumps(value)))
            conn.commit()
        process.close_stdin()
        await process.wait()
    async with serving(ANSWER) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        assert await process.call("settings:load") == defaults
        for method, params in (
            ("chat:send", {"content": "Why?", "modelId": MODEL}),
            ("batch:estimate", {"rows": [{"prompt": "Why?", "model": MODEL}]}),
        ):
            with pytest.raises(RpcError, match=f"setting {name} cannot be.*save this setting again"):
                await process.call(method, params)
        assert server.asked == []
        await process.call("settings:save", {"key": name, "value": defaults[name]})
        assert (await ask(process))["answer"] == "Good morning"
