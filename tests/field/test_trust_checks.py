"""Answers that take for ever to check, beside the real process."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, HostileServer, chat_chunks, serving, stream
from tests.field.lab import LAB_USD, MODEL, ask, own_models, project, refused, sidecar
from tests.helpers.process import SidecarProcess

ADDRESS = r"^https?:\/\/([\w.-]+\/?)+$"
SCHEMA = {
    "type": "object",
    "properties": {"url": {"type": "string", "pattern": ADDRESS}},
    "required": ["url"],
}
REPLY = '{"url": "https://example.com/articles/a-year-beside-the-northern-sea/list?page=2"}'
MANY = json.dumps([{"a": number} for number in range(20_000)])
DEEP = 40
# Each refers twice to the next one: as many looks as two to the power of forty.
FAN_OUT = {
    "$ref": "#/$defs/a0",
    "$defs": {
        f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}, {"$ref": f"#/$defs/a{number + 1}"}]}
        for number in range(DEEP)
    }
    | {f"a{DEEP}": {"type": "object"}},
}
DEAR_NAMES = {"type": "object", "patternProperties": {"^(a+)+$": {"type": "string"}}}
NAMED = json.dumps({"a" * 40 + "!": "x"})
NAME = {"type": "object", "propertyNames": {"pattern": r"^([\w.-]+\/?)+$"}}
ROW = {"id": "r", "prompt": "Where?", "model": MODEL, "jsonSchema": SCHEMA}
PROMPT_SECONDS = 5.0
END_SECONDS = 8.0


def saying(text: str) -> Answer:
    return stream(*chat_chunks(text), "[DONE]")


async def stays_alive(process: SidecarProcess, until: asyncio.Future[Any]) -> int:
    """Ask for the health until the future is done, and each time have the answer within five seconds."""
    asked = 0
    while not until.done():
        async with asyncio.timeout(PROMPT_SECONDS):
            assert (await process.call("system:health"))["status"] == "ok"
        asked += 1
        await asyncio.wait({until}, timeout=0.1)
    return asked


@field("trust", "a chat → stays alive; another question is answered meanwhile")
@field("trust", "likewise a list of 20,000 objects with `uniqueItems`")
@pytest.mark.parametrize(
    ("schema", "reply"),
    [
        (SCHEMA, REPLY),
        ({"type": "array", "uniqueItems": True}, MANY),
        (FAN_OUT, "{}"),
        (DEAR_NAMES, NAMED),
        (NAME, NAMED),
    ],
    ids=["pattern", "unique items", "references", "names by pattern", "names"],
)
async def test_a_reply_that_takes_for_ever_to_check_is_kept_and_told_while_others_are_answered(
    schema: dict[str, Any], reply: str, tmp_path: Path
) -> None:
    async with (
        serving(saying(reply), saying("Good morning")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        error = asyncio.ensure_future(refused(process, "Where?", options={"jsonSchema": schema}))
        await server.requests(1)
        async with asyncio.timeout(PROMPT_SECONDS):
            assert (await ask(process))["answer"] == "Good morning"
        assert not error.done()
        assert await stays_alive(process, error) > 1
        told = (await error).data
        assert (told["kind"], told["detail"]) == ("invalid_output", reply)
        assert "longer than 2 seconds" in str(await error)
        costs = await process.call("activity:stats")
        assert costs["totalCost"] == pytest.approx(2 * LAB_USD)


@field("trust", "likewise a row of a local batch")
async def test_a_row_that_takes_for_ever_to_check_fails_and_keeps_its_answer(tmp_path: Path) -> None:
    async with (
        serving(saying(REPLY)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        row = asyncio.ensure_future(run_row(process))
        await stays_alive(process, row)
        result = await row
    assert (result["status"], result["response"]) == ("error", REPLY)
    assert "longer than 2 seconds" in result["errorMessage"]
    assert result["cost_usd"] == pytest.approx(LAB_USD)
    assert len(server.asked) == 1


@field("trust", "meanwhile stdin ends, or SIGTERM comes")
@pytest.mark.parametrize("how", ["end of input", "SIGTERM"])
@pytest.mark.skipif(sys.platform == "win32", reason="every signal ends a process there at once")
async def test_the_process_ends_while_a_reply_is_checked(how: str, tmp_path: Path) -> None:
    async with serving(saying(REPLY)) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        process.start_call(
            "chat:send", {"content": "Where?", "modelId": MODEL, "options": {"jsonSchema": SCHEMA}}
        )
        await paid(server, tmp_path)
        if how == "SIGTERM":
            process.terminate()
        else:
            process.close_stdin()
        async with asyncio.timeout(END_SECONDS):
            assert await process.wait() == 0


@field("trust", "the row's sidecar is killed (`kill -9`) and started again, twice")
async def test_a_row_whose_sidecar_is_killed_while_it_is_checked_is_paid_once(tmp_path: Path) -> None:
    async with serving(saying(REPLY)) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            submission = {"projectId": await project(process), "rows": [ROW], "start": True}
            job = (await process.call("batch:submit", submission))["id"]
            await paid(server, tmp_path)
        async with sidecar(tmp_path) as process:
            await process.call("initialize", {"protocolVersion": "1.0"})
        async with sidecar(tmp_path) as process:
            result = await ended_row(process, job)
        assert result["response"] == REPLY
        assert result["cost_usd"] == pytest.approx(LAB_USD)
        assert len(server.asked) == 1


async def test_a_row_whose_check_was_cut_by_two_kills_in_a_row_keeps_its_answer_and_a_retry_only_checks_it(
    tmp_path: Path,
) -> None:
    async with serving(saying(REPLY)) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            job = await begin_row(process, ROW)
            await paid(server, tmp_path)
        async with sidecar(tmp_path) as process:
            # Each check takes two seconds.
            assert (await process.call("batch:get", {"jobId": job}))["status"] == "processing"
        async with sidecar(tmp_path) as process:
            result = await ended_row(process, job)
            assert (result["status"], result["response"]) == ("error", REPLY)
            assert "set aside unchecked" in result["errorMessage"]
            await process.call("batch:retry-failed", {"jobId": job})
            result = await ended_row(process, job)
            assert (result["status"], result["response"]) == ("error", REPLY)
            assert "longer than 2 seconds" in result["errorMessage"]
            assert result["cost_usd"] == pytest.approx(LAB_USD)
        assert len(server.asked) == 1


async def test_a_row_that_was_at_work_in_two_kills_in_a_row_is_set_aside_until_a_person_retries_it(
    tmp_path: Path,
) -> None:
    async with serving(Answer(keep_open=True), Answer(keep_open=True), saying("{}")) as server:
        job = ""
        for number in (1, 2):
            async with sidecar(tmp_path, models=own_models(server.url)) as process:
                job = job or await begin_row(process, {"id": "r", "prompt": "Why?", "model": MODEL})
                await process.call("initialize", {"protocolVersion": "1.0"})
                await server.requests(number)
        async with sidecar(tmp_path) as process:
            result = await ended_row(process, job)
            assert (result["status"], result["attempts"]) == ("error", 2)
            assert "set aside" in result["errorMessage"]
            assert len(server.asked) == 2
            await process.call("batch:retry-failed", {"jobId": job})
            assert (await ended_row(process, job))["status"] == "success"


@field("trust", "`--mock`, a schema with `minItems` of a thousand million")
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "minItems": 1_000_000_000},
        {"type": "string", "minLength": 10_000_000_000},
        {"type": "string", "pattern": "^a{1000000000}$"},
        {"type": "object", "minProperties": 1_000_000_000},
        {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}}},
    ],
    ids=["items", "letters", "pattern", "properties", "references"],
)
async def test_a_mock_run_ends_whatever_a_schema_asks_for(schema: dict[str, Any], tmp_path: Path) -> None:
    async with sidecar(tmp_path, "--mock", "--mock-pace-ms", "0") as process:
        options = {"jsonSchema": {"type": "object", "properties": {"a": schema}, "required": ["a"]}}
        process.start_call("chat:send", {"content": "Go", "modelId": "openai/gpt-6-sol", "options": options})
        async with asyncio.timeout(PROMPT_SECONDS):
            await process.call("system:health")
        process.close_stdin()
        async with asyncio.timeout(END_SECONDS):
            assert await process.wait() == 0


@field("trust", "Stays as it is: an ordinary pattern is held against the answer.")
async def test_an_ordinary_pattern_is_held_against_the_answer(tmp_path: Path) -> None:
    good = '{"url": "https://example.com/a"}'
    async with (
        serving(saying(good), saying('{"url": "example.com?"}')) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        asked: dict[str, Any] = {"options": {"jsonSchema": SCHEMA}}
        assert (await ask(process, **asked))["json"] == json.loads(good)
        error = await refused(process, **asked)
        assert error.data["kind"] == "invalid_output"
        assert "does not match" in str(error)


async def begin_row(process: SidecarProcess, row: dict[str, Any]) -> str:
    submission = {"projectId": await project(process), "rows": [row], "start": True}
    return str((await process.call("batch:submit", submission))["id"])


async def run_row(process: SidecarProcess) -> dict[str, Any]:
    return await ended_row(process, await begin_row(process, ROW))


async def ended_row(process: SidecarProcess, job: str) -> dict[str, Any]:
    """The one result of a job, once the job has ended."""
    while (await process.call("batch:get", {"jobId": job}))["status"] == "processing":
        await process.notification("batch:progress")
    found: Sequence[dict[str, Any]] = await process.call("batch:get-results", {"jobId": job})
    return found[0]


async def paid(server: HostileServer, folder: Path) -> None:
    """Wait until what the one request cost is on the disk."""

    def settled() -> int:
        with closing(sqlite3.connect(folder / "abai.db")) as conn:
            return int(conn.execute("SELECT count(*) FROM ledger WHERE state = 'settled'").fetchone()[0])

    # Whatever is asked was written down before.
    await server.requests(1)
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(settled):
            pass
