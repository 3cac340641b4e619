"""What Gemini's and xAI's batch APIs refuse: a simulator that takes everything would hide our mistakes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest
from tests.helpers.simulated import post, read, simulator

FLASH = "/gemini/v1beta/models/gemini-3.8-flash:batchGenerateContent"
UPLOAD = "/gemini/upload/v1beta/files"
CONTENTS = [{"parts": [{"text": "Hi [[simulate: batch_slow_ms=1000]]"}]}]
ROW = {"request": {"contents": CONTENTS}, "metadata": {"key": "a"}}
START = {
    "x-goog-api-key": "simulated",
    "x-goog-upload-protocol": "resumable",
    "x-goog-upload-command": "start",
    "x-goog-upload-header-content-length": "3",
}
GROK_ROW = {
    "batch_request_id": "a",
    "batch_request": {
        "chat_get_completion": {"model": "grok-4.3", "messages": [{"role": "user", "content": "Hi"}]}
    },
}


async def ask(
    sim: Simulator,
    path: str,
    body: Any = b"",
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> tuple[int, Any, dict[str, str]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = SimRequest("POST", path, headers or {"x-goog-api-key": "simulated"}, content, query or {})
    response = await sim.handle(request)
    document = await read(response)
    return response.status, json.loads(document) if document else None, dict(response.headers)


def inline(*rows: Any) -> dict[str, Any]:
    return {"batch": {"displayName": "ours", "inputConfig": {"requests": {"requests": list(rows)}}}}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        {},
        inline(),
        inline("text"),
        inline({"request": {}}),
        inline(ROW, ROW),
    ],
)
async def test_a_row_that_is_wrong_fails_the_creation_and_nothing_is_created(body: Any) -> None:
    sim = simulator()
    status, refused, _ = await ask(sim, FLASH, body)
    assert (status, refused["error"]["status"]) in ((400, "INVALID_ARGUMENT"), (404, "NOT_FOUND"))
    assert sim.ledger.batches == []


async def test_a_request_of_more_than_twenty_megabytes_is_refused() -> None:
    row = {"request": {"contents": [{"parts": [{"text": "x" * 21_000_000}]}]}, "metadata": {"key": "a"}}
    status, refused, _ = await ask(simulator(), FLASH, inline(row))
    assert status == 400
    assert "size" in refused["error"]["message"]


async def test_a_hundred_batches_run_at_once_and_no_more() -> None:
    sim = simulator()
    statuses = [(await ask(sim, FLASH, inline(ROW)))[0] for _ in range(101)]
    assert statuses == [200] * 100 + [429]


async def test_a_file_that_is_not_there_or_not_lines_makes_no_batch() -> None:
    sim = simulator()
    _, _, headers = await ask(sim, UPLOAD, {"file": {"displayName": "ours"}}, START)
    upload_id = headers["x-goog-upload-url"].split("upload_id=")[1].split("&")[0]
    batch = {"batch": {"inputConfig": {"fileName": f"files/{upload_id}"}}}
    assert (await ask(sim, FLASH, batch))[0] == 404
    query = {"upload_id": upload_id}
    step = {"x-goog-upload-offset": "0", "x-goog-upload-command": "upload, finalize"}
    assert (await ask(sim, UPLOAD, b"long", step, query))[0] == 400
    step["x-goog-upload-offset"] = "4"
    assert (await ask(sim, UPLOAD, b"", {**step, "x-goog-upload-offset": "9"}, query))[0] == 400
    _, _, headers = await ask(sim, UPLOAD, {"file": {}}, START)
    upload_id = headers["x-goog-upload-url"].split("upload_id=")[1].split("&")[0]
    step["x-goog-upload-offset"] = "0"
    status, made, headers = await ask(sim, UPLOAD, b"{,}", step, {"upload_id": upload_id})
    assert (status, headers["x-goog-upload-status"]) == (200, "final")
    batch = {"batch": {"inputConfig": {"fileName": made["file"]["name"]}}}
    assert (await ask(sim, FLASH, batch))[0] == 400
    assert sim.ledger.batches == []


@pytest.mark.parametrize(
    "headers",
    [
        {**START, "x-goog-upload-protocol": "raw"},
        {**START, "x-goog-upload-header-content-length": ""},
        {**START, "x-goog-upload-header-content-length": "2000000001"},
    ],
)
async def test_an_upload_that_is_not_said_to_be_of_a_size_is_refused(headers: dict[str, str]) -> None:
    assert (await ask(simulator(), UPLOAD, {"file": {}}, headers))[0] == 400


async def test_a_begun_upload_needs_no_key_but_nothing_else_does_without() -> None:
    sim = simulator()
    keyless = {name: value for name, value in START.items() if name != "x-goog-api-key"}
    assert (await ask(sim, UPLOAD, {"file": {}}, keyless))[0] == 403


async def container(sim: Simulator) -> str:
    made = json.loads(await read(await post(sim, "/xai/v1/batches", {"name": "ours"})))
    return f"/xai/v1/batches/{made['batch_id']}"


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({**GROK_ROW, "batch_request_id": ""}, 422),
        ({"batch_request_id": "a"}, 422),
        ({"batch_request_id": "a", "batch_request": {"responses": {}}}, 422),
    ],
)
async def test_all_of_the_added_rows_are_taken_or_none(row: Any, status: int) -> None:
    sim = simulator()
    path = await container(sim)
    answer = await post(
        sim, f"{path}/requests", {"batch_requests": [{**GROK_ROW, "batch_request_id": "b"}, row]}
    )
    assert answer.status == status
    assert sim.ledger.batches == []


async def test_the_same_row_is_harmless_another_of_its_name_is_not() -> None:
    sim = simulator()
    path = await container(sim)
    other = json.loads(json.dumps(GROK_ROW).replace("Hi", "Other"))
    for rows, status in (([GROK_ROW], 200), ([GROK_ROW], 200), ([other], 412)):
        assert (await post(sim, f"{path}/requests", {"batch_requests": rows})).status == status
    more = {**other, "batch_request_id": "b"}
    assert (await post(sim, f"{path}/requests", {"batch_requests": [GROK_ROW, more]})).status == 200
    (batch,) = sim.ledger.wire()["batches"]
    assert batch["customIds"] == ["a", "b"]


async def test_nothing_is_added_after_a_cancel() -> None:
    sim = simulator()
    path = await container(sim)
    assert (await post(sim, f"{path}:cancel", {})).status == 200
    assert (await post(sim, f"{path}/requests", {"batch_requests": [GROK_ROW]})).status == 403


@pytest.mark.parametrize(("body", "status"), [({}, 422), (b"{", 422), ({"name": "n"}, 200)])
async def test_a_container_needs_a_name(body: Any, status: int) -> None:
    assert (await post(simulator(), "/xai/v1/batches", body)).status == status
