"""What is running, and joining it, as a window that was reloaded does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sidecar.methods.work_wire import waiting_for
from sidecar.store.job_records import PartState, VendorBatch
from tests.helpers.inside import Inside
from tests.helpers.process import SidecarProcess
from tests.helpers.sidecar import mock_process

MODEL = "openai/gpt-6-luna"
# So many pieces come at so many a second that several are there, and others yet to come, whenever one looks.
LONG = "Tell me a long story. [[simulate: tokens=400 pace_ms=5]]"


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[SidecarProcess]:
    async with mock_process(tmp_path) as made:
        yield made


async def listed(process: SidecarProcess, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """`work:list`, once it is as wanted."""
    async with asyncio.timeout(60):
        while True:
            work: dict[str, Any] = await process.call("work:list")
            if wanted(work):
                return work


def writing(work: dict[str, Any]) -> bool:
    answers = [answer for turn in work["turns"] for answer in turn["answers"]]
    return bool(answers) and all(answer["seq"] > 2 for answer in answers)


class Page:
    """What a page makes of the progress of what it has joined."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.seqs: dict[str, int] = {}
        self.ended: list[dict[str, Any]] = []

    def take(self, value: dict[str, Any]) -> None:
        if value["type"] == "ended":
            self.ended.append(value["answer"])
            return
        name = value["requestId"]
        if value["type"] == "so-far":
            assert value["after"] in (0, self.seqs.get(name))
            before = self.texts[name] if value["after"] else ""
            self.texts[name] = before + value["text"]
        else:
            assert value["seq"] > self.seqs[name], "nothing comes twice"
            self.texts[name] += value["text"]
        self.seqs[name] = value["seq"]


def taken(process: SidecarProcess, token: str, page: Page | None = None) -> Page:
    page = page or Page()
    queue = process.progress[token]
    while not queue.empty():
        page.take(queue.get_nowait())
    return page


async def test_a_window_that_was_reloaded_joins_its_comparison_and_gets_everything_once(
    process: SidecarProcess,
) -> None:
    models = [MODEL, "anthropic/claude-opus-5-5"]
    asked = process.start_call(
        "chat:compare", {"conversationId": "talk", "content": LONG, "modelIds": models}
    )
    [turn] = (await listed(process, writing))["turns"]
    assert turn["conversationId"] == "talk"
    assert {answer["modelId"] for answer in turn["answers"]} == set(models)
    assert all(answer["state"] == "writing" and answer["costAtMostUSD"] > 0 for answer in turn["answers"])

    one = process.start_call("work:attach", {"turnId": turn["turnId"], "partialResultToken": "one"})
    [first, _] = turn["answers"]
    last = {"requestId": first["requestId"], "after": first["seq"], "partialResultToken": "two"}
    two = process.start_call("work:attach", last)
    compared = await process.result(asked)
    whole = {reply["modelId"]: reply["reply"]["answer"] for reply in compared["replies"]}
    joined, resumed = await process.result(one), await process.result(two)

    page = taken(process, "one")
    assert {answer["modelId"]: answer["text"] for answer in joined["answers"]} == whole
    assert {page.texts[answer["requestId"]] for answer in joined["answers"]} == set(whole.values())
    assert {answer["state"] for answer in page.ended} == {"whole"}
    assert all(answer["costUSD"] > 0 for answer in page.ended)
    assert any(text.startswith(first["text"]) for text in whole.values())
    # Who had the first pieces is given what follows them, and nothing twice.
    again = Page()
    again.texts[first["requestId"]], again.seqs[first["requestId"]] = first["text"], first["seq"]
    taken(process, "two", again)
    [answer] = resumed["answers"]
    assert again.texts == {first["requestId"]: answer["text"]}
    assert (await process.call("work:list")) == {"turns": [], "jobs": [], "parts": []}


async def test_an_answer_that_has_ended_is_given_from_the_database(process: SidecarProcess) -> None:
    reply = await process.call("chat:send", {"conversationId": "talk", "content": "Why?", "modelId": MODEL})
    [question, _] = await process.call("messages:list", {"conversationId": "talk"})
    joined = await process.call("work:attach", {"turnId": question["id"], "partialResultToken": "late"})

    [answer] = joined["answers"]
    assert (answer["messageId"], answer["text"], answer["state"]) == (reply["id"], reply["answer"], "whole")
    assert answer["costUSD"] == reply["costUSD"]
    page = taken(process, "late")
    assert list(page.texts.values()) == [reply["answer"]]
    assert [each["requestId"] for each in page.ended] == [answer["requestId"]]
    assert await process.call("work:attach", {"requestId": answer["requestId"]}) == joined


async def test_leaving_stops_nothing_and_stopping_is_seen_by_all(process: SidecarProcess) -> None:
    asked = process.start_call("chat:send", {"conversationId": "talk", "content": LONG, "modelId": MODEL})
    [turn] = (await listed(process, writing))["turns"]
    leaving = process.start_call("work:attach", {"turnId": turn["turnId"]})
    staying = process.start_call("work:attach", {"turnId": turn["turnId"]})
    process.notify("$/cancelRequest", {"id": leaving.id})
    with pytest.raises(Exception, match="-32800"):
        await process.result(leaving)
    assert writing(await process.call("work:list"))

    assert await process.call("chat:abort", {"conversationId": "talk"}) == {"aborted": 1}
    [answer] = (await process.result(staying))["answers"]
    assert (answer["state"], answer["finishReason"]) == ("stopped", "cancelled")
    with pytest.raises(Exception, match="-32800"):
        await process.result(asked)


async def test_a_killed_sidecar_shows_after_its_restart_what_had_arrived(tmp_path: Path) -> None:
    async with mock_process(tmp_path) as process:
        process.start_call(
            "chat:send",
            {"conversationId": "talk", "content": LONG.replace("400", "4000"), "modelId": MODEL},
        )
        [turn] = (await listed(process, writing))["turns"]
        [seen] = turn["answers"]
        # Kept within a second: whatever comes later is on the disk after what has been seen.
        await kept(process, tmp_path, len(seen["text"]))
        process.kill()
    async with mock_process(tmp_path) as process:
        question, answer = await process.call("messages:list", {"conversationId": "talk"})
        assert (question["turnId"], answer["turnId"]) == (turn["turnId"], turn["turnId"])
        assert (answer["id"], answer["finishReason"]) == (seen["messageId"], "interrupted")
        assert answer["content"].startswith(seen["text"])
        assert (answer["cost"], answer["costAtMostUSD"]) == (None, seen["costAtMostUSD"])
        joined = await process.call("work:attach", {"requestId": seen["requestId"]})
        assert [(each["state"], each["text"]) for each in joined["answers"]] == [
            ("interrupted", answer["content"])
        ]
        # What was interrupted goes along with the next question, as what was stopped does.
        again = {"conversationId": "talk", "content": "Go on.", "modelId": MODEL}
        assert (await process.call("chat:send", again))["finishReason"] == "stop"


async def kept(process: SidecarProcess, data_dir: Path, letters: int) -> None:
    """Waits until so many letters of the answer are in a copy of the database."""
    async with asyncio.timeout(60):
        while True:
            await process.call("system:health")
            with closing(sqlite3.connect(f"file:{data_dir / 'abai.db'}?mode=ro", uri=True)) as conn:
                found = conn.execute("SELECT coalesce(sum(length(text)), 0) FROM answer_pieces").fetchone()[0]
            if found >= letters:
                return


async def test_whoever_asked_for_the_work_hears_of_changes_and_nobody_else(app: Inside) -> None:
    async def heard(question: str) -> list[str]:
        app.send(
            {
                "jsonrpc": "2.0",
                "id": question,
                "method": "chat:send",
                "params": {"conversationId": "talk", "content": question, "modelId": MODEL},
            }
        )
        told: list[str] = []
        while (message := await app.next_message()).get("id") != question:
            if message["method"] == "work:changed":
                told.append(message["params"]["state"])
        return told

    assert await heard("Before?") == []
    await app.ask("work:list")
    # Of what waits to be read only the latest is told.
    told = await heard("After?")
    assert told[-1] == "whole"
    assert set(told) <= {"asking", "writing", "whole"}


async def test_a_batch_is_listed_while_it_runs(app: Inside) -> None:
    project = (await app.ask("project:create", {"name": "Work"}))["result"]["id"]
    row = {"prompt": "Reply. [[simulate: slow_first_ms=60000]]", "model": MODEL}
    submitted = {"projectId": project, "rows": [row, row], "start": True}
    job = (await app.ask("batch:submit", submitted))["result"]
    async with asyncio.timeout(60):
        while True:
            work = (await app.ask("work:list", {"projectId": project}))["result"]
            if [each["rowsInFlight"] for each in work["jobs"]] == [2]:
                break
    [listed_job] = work["jobs"]
    assert (listed_job["job"]["id"], listed_job["waiting"]) == (job["id"], [])
    assert (await app.ask("work:list", {"projectId": "another"}))["result"]["jobs"] == []
    await app.ask("batch:cancel", {"jobId": job["id"]})
    assert (await app.ask("work:list"))["result"]["jobs"] == []


async def test_a_batch_at_a_vendor_says_what_it_waits_for(app: Inside) -> None:
    project = (await app.ask("project:create", {"name": "Work"}))["result"]["id"]
    row = {"prompt": "Reply. [[simulate: batch_slow_ms=600000]]", "model": "openai/gpt-4o"}
    sent = {"projectId": project, "rows": [row], "providerName": "openai"}
    job = (await app.ask("batch:submit-native", sent))["result"]
    work = (await app.ask("work:list"))["result"]
    [part] = work["parts"]
    assert (part["jobId"], part["nativeBatchId"]) == (job["jobId"], job["nativeBatchId"])
    assert (part["waitsFor"], part["rows"]) == ("vendor", 1)
    assert [each["job"]["id"] for each in work["jobs"]] == [job["jobId"]]


@pytest.mark.parametrize(
    ("state", "submitted_at", "expected"),
    [
        ("intent", None, ("sending", 1)),
        ("intent", 2, ("arrival", 2)),
        ("doubtful", 2, ("finding", 2)),
        ("submitted", 2, ("vendor", 2)),
        ("ended", 2, ("results", 3)),
    ],
)
def test_what_a_part_waits_for(state: PartState, submitted_at: int | None, expected: tuple[str, int]) -> None:
    part = VendorBatch("p", "j", "openai", "tag", state, 1, 1, submitted_at=submitted_at, ended_at=3)
    assert waiting_for(part) == expected


async def test_one_thing_must_be_named_and_be_there(app: Inside) -> None:
    assert (await app.ask("work:attach", {}))["error"]["data"]["kind"] == "invalid_params"
    both = {"turnId": "a", "requestId": "b"}
    assert (await app.ask("work:attach", both))["error"]["data"]["kind"] == "invalid_params"
    assert (await app.ask("work:attach", {"turnId": "nobody"}))["error"]["data"]["kind"] == "not_found"
    assert (await app.ask("work:attach", {"requestId": "nobody"}))["error"]["data"]["kind"] == "not_found"
