"""An API key is replaced, added or taken away while A-B/AI runs: by its person, its vendor, or another program."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, serving, stream, whole
from tests.field.lab import MODEL, ask, own_models, project, refused, sidecar
from tests.field.vendors import (
    MODELS,
    Misbehaviour,
    Whole,
    ended,
    job,
    native,
    not_found,
    rows,
    submitted,
    until,
    vendors,
)
from tests.helpers.process import RpcError, SidecarProcess

OLD, NEW = "k-old-Qz9LmW2pXr8TnB5vYc1Hd", "k-new-Qz9LmW2pXr8TnB5vYc1Hd"
# How each vendor says no to a key.
REFUSALS: dict[str, tuple[int, Any]] = {
    "openai": (401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}),
    "anthropic": (401, {"error": {"type": "authentication_error", "message": "invalid x-api-key"}}),
    "gemini": (400, {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}),
    "grok": (400, {"code": "invalid-argument", "error": "Incorrect API key provided: k-***Hd."}),
}
REFUSED: dict[str, Whole] = {
    name: (status, json.dumps(body).encode()) for name, (status, body) in REFUSALS.items()
}


class Door:
    """A server of the person's own that takes one key, and has been asked with `keys`."""

    def __init__(self) -> None:
        self.good = OLD
        self.keys: list[str] = []
        # Before the answer to the request of that number, counted from one.
        self.before: dict[int, Callable[[], Any]] = {}
        self.limited = 0

    async def __call__(self, asked: Asked) -> Answer:
        self.keys.append(key := asked.headers["authorization"].removeprefix("Bearer "))
        if (wait := self.before.get(len(self.keys))) is not None:
            await wait()
        if key != self.good:
            return whole(json.loads(REFUSED["openai"][1]), 401)
        if self.limited:
            self.limited -= 1
            return whole({"error": {"message": "Slow down."}}, 429, {"retry-after": "1"})
        return stream(*chat_chunks("Yes"))


async def save(process: SidecarProcess, key: str, provider: str = "lab") -> None:
    await process.call("settings:save", {"key": "apiKey", "provider": provider, "value": key})


def replaced_by_another_program(folder: Path, **keys: str) -> None:
    (folder / "keys.json").write_text(json.dumps(keys), encoding="utf-8")


async def begun(process: SidecarProcess, count: int, concurrency: int) -> str:
    questions = [{"prompt": f"Question {number}", "model": MODEL} for number in range(count)]
    made: str = (
        await process.call("batch:submit", {"projectId": await project(process), "rows": questions})
    )["id"]
    await process.call("batch:start", {"jobId": made, "concurrency": concurrency})
    return made


@field("machine", "another program replaces the saved key")
async def test_a_key_that_another_program_replaced_is_used_without_a_restart(tmp_path: Path) -> None:
    door = Door()
    async with (
        serving(door) as server,
        sidecar(tmp_path, models=own_models(server.url, keyRequired=True)) as process,
    ):
        await save(process, OLD)
        first = await ask(process)
        replaced_by_another_program(tmp_path, lab=NEW)
        door.good = NEW
        answers = [await ask(process) for _ in range(2)]
        assert door.keys == [OLD, OLD, NEW, NEW]
        # The call that was asked with both is told as one by the new key.
        marks = [await mark(process, answer["id"]) for answer in (first, *answers)]
        assert marks[0] != marks[1] == marks[2]


async def mark(process: SidecarProcess, message_id: str) -> str:
    [call] = await process.call("cost:explain", {"messageId": message_id})
    return str(call["keyMark"])


@pytest.mark.parametrize("provider", MODELS)
async def test_a_vendor_s_refusal_of_the_old_key_is_no_refusal_of_the_new_one(
    provider: str, tmp_path: Path
) -> None:
    refusal = Misbehaviour("POST ", REFUSED[provider], 100, key=OLD)
    async with vendors(refusal) as there, native(tmp_path, there) as process:
        await save(process, OLD, provider)
        await process.call("settings:load", {"key": "apiKey", "provider": provider})
        replaced_by_another_program(tmp_path, **{provider: NEW})
        assert (await ask(process, model=MODELS[provider]))["answer"]
        assert len(there.asked) == 2
        assert process.notifications["settings:invalidKey"].empty()


@field("machine", "another program saves a key")
async def test_a_key_that_another_program_added_is_found_without_a_restart(tmp_path: Path) -> None:
    door = Door()
    async with (
        serving(door) as server,
        sidecar(tmp_path, models=own_models(server.url, keyRequired=True)) as process,
    ):
        assert (await refused(process)).data["kind"] == "missing_api_key"
        replaced_by_another_program(tmp_path, lab=OLD)
        async with asyncio.timeout(60):
            while not door.keys:
                with suppress(RpcError):
                    await ask(process)
        assert door.keys == [OLD]


@field("machine", "a key is saved while a batch runs")
async def test_rows_under_way_and_those_behind_them_go_on_with_the_key_that_was_saved_meanwhile(
    tmp_path: Path,
) -> None:
    door, both_there, saved = Door(), asyncio.Barrier(3), asyncio.Event()

    async def hold() -> None:
        await both_there.wait()
        await saved.wait()

    door.before = {3: hold, 4: hold}
    async with (
        serving(door) as server,
        sidecar(tmp_path, models=own_models(server.url, keyRequired=True)) as process,
    ):
        await save(process, OLD)
        job_id = await begun(process, 8, concurrency=2)
        await asyncio.wait_for(both_there.wait(), 60)
        await save(process, NEW)
        door.good = NEW
        saved.set()
        found = await ended(process, job_id)
        assert (found["completedRows"], found["failedRows"]) == (8, 0)
        # Refused were those under way, and what was made ready behind them.
        assert door.keys.count(NEW) == 6
        assert 4 <= door.keys.count(OLD) <= 6


async def test_a_row_that_waits_for_its_limit_is_asked_with_the_key_that_was_saved_meanwhile(
    tmp_path: Path,
) -> None:
    door, saved = Door(), asyncio.Event()
    door.limited, door.before = 1, {2: saved.wait}
    async with (
        serving(door) as server,
        sidecar(tmp_path, models=own_models(server.url, keyRequired=True)) as process,
    ):
        await save(process, OLD)
        job_id = await begun(process, 3, concurrency=1)
        await until(process, job_id, lambda _: len(door.keys) == 2)
        await save(process, NEW)
        door.good = NEW
        saved.set()
        assert (await ended(process, job_id))["completedRows"] == 3
        assert door.keys.count(NEW) == 3
        assert door.keys.count(OLD) <= 3


@field("machine", "a key is refused and there is no other one")
async def test_a_refused_key_without_another_one_is_not_tried_by_every_row(tmp_path: Path) -> None:
    door = Door()
    async with (
        serving(door) as server,
        sidecar(tmp_path, models=own_models(server.url, keyRequired=True)) as process,
    ):
        await save(process, NEW)
        assert (await refused(process)).data["kind"] == "invalid_api_key"
        job_id = await begun(process, 20, concurrency=1)
        assert (await ended(process, job_id))["failedRows"] == 20
        # Once for the question, once for the job, and for the row that was made ready meanwhile.
        assert len(door.keys) <= 3
        # And the rows that heard it are sent again with another one.
        await save(process, OLD)
        await process.call("batch:retry-failed", {"jobId": job_id})
        await until(process, job_id, lambda found: found["completedRows"] == 20)


@field("machine", "the refused key of a vendor's batch is replaced")
async def test_a_batch_at_the_vendor_goes_on_once_another_program_has_replaced_the_refused_key(
    tmp_path: Path,
) -> None:
    refusal = Misbehaviour("GET /v1/batches/", REFUSED["openai"], 10_000, key=OLD)
    async with vendors(refusal) as there, native(tmp_path, there) as process:
        await save(process, OLD, "openai")
        job_id = await submitted(process)
        found = await until(process, job_id, lambda found: "error" in found)
        assert "refused the API key" in found["error"]
        replaced_by_another_program(tmp_path, openai=NEW)
        found = await ended(process, job_id)
        assert (found["status"], found["completedRows"]) == ("completed", 3)
        assert "error" not in await job(process, job_id)
        assert len(there.batches) == 1


async def test_a_key_that_is_revoked_while_results_are_read_loses_none_of_them(tmp_path: Path) -> None:
    revoked = Misbehaviour(r"GET /v1/files/\S+/content", REFUSED["openai"], 10_000, key=OLD)
    async with vendors(revoked) as there, native(tmp_path, there) as process:
        await save(process, OLD, "openai")
        job_id = await submitted(process)
        await until(process, job_id, lambda found: "refused the API key" in found.get("error", ""))
        assert {row["status"] for row in await rows(process, job_id)} == {"processing"}
        await save(process, NEW, "openai")
        assert (await ended(process, job_id))["completedRows"] == 3
        assert len(there.batches) == 1


# How each vendor answers about a batch of another project.
HIDDEN: dict[str, Whole] = {
    "openai": not_found("No batch found with id 'batch_1'."),
    "anthropic": (404, b'{"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}'),
    "gemini": (
        403,
        b'{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "Or it may not exist."}}',
    ),
    "grok": (404, b'{"code": "not-found", "error": "Batch not found"}'),
}


@field("batches", "the key of another project is there meanwhile")
@pytest.mark.parametrize("provider", MODELS)
async def test_a_batch_that_the_key_of_another_project_cannot_see_waits_for_its_own(
    provider: str, tmp_path: Path
) -> None:
    hidden = Misbehaviour(r"(GET|POST) \S*/batches/", HIDDEN[provider], 10_000, key=NEW)
    async with vendors(hidden) as there, native(tmp_path, there) as process:
        await save(process, OLD, provider)
        job_id = await submitted(process, provider, ["[[simulate: batch_slow_ms=3600000]] One", "Two"])
        await save(process, NEW, provider)
        found = await until(process, job_id, lambda found: "error" in found)
        assert "sent with another key than the one that is there now" in found["error"]
        await process.call("batch:cancel", {"jobId": job_id})
        found = await until(process, job_id, lambda found: "may run on" in found.get("error", ""))
        assert "sent with another key" in found["error"]
        assert there.batches[0]["state"] not in ("cancelling", "cancelled")
        assert process.notifications["settings:invalidKey"].empty()
        await save(process, OLD, provider)
        await until(process, job_id, lambda _: there.batches[0]["state"] in ("cancelling", "cancelled"))
        assert len(there.batches) == 1
