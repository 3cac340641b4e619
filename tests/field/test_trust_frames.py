"""Large frames that come at once: little of them is held, and each is answered or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.rpc.large_requests import TOO_MUCH_AT_ONCE
from tests.field.hostile import Answer, head, serving
from tests.field.lab import MODEL, SILENT, own_models, project, refused, sidecar
from tests.field.test_trust_memory import MEGABYTE, staying_small
from tests.helpers.process import RpcError
from tests.helpers.wire import request

# A process of its own from the first: what is forked has all modules in its memory.
pytestmark = pytest.mark.usefixtures("real_starts")

LARGE = 30 * MEGABYTE
PROMPT = "word " * 20_000


async def test_large_frames_that_come_at_once_are_taken_one_after_the_other_or_refused(
    tmp_path: Path,
) -> None:
    row = {"prompt": PROMPT, "model": MODEL}
    async with (
        sidecar(tmp_path, models=own_models("http://127.0.0.1:9"), deadline=120) as process,
        staying_small(process, "rpc.large_requests.MOST_LARGE_BYTES") as told,
    ):
        rows = [row] * (LARGE // len(json.dumps(row)))
        asked = {"projectId": await project(process), "rows": rows}
        frame = json.dumps(request("batch:submit", asked, "large")).encode() + b"\n"
        for _ in range(24):
            process.send_raw(frame)
            await process.sent()
        said = [await process.read_message() for _ in range(24)]
        told.append(TOO_MUCH_AT_ONCE)
    taken = [each["result"]["totalRows"] for each in said if "result" in each]
    # How many have to wait for too long is the machine's matter.
    assert taken == [len(rows)] * len(taken) != []
    refused = [each["error"]["data"]["kind"] for each in said if "error" in each]
    assert refused == ["overloaded"] * len(refused)
    assert {each["id"] for each in said} == {"large"}


async def test_a_frame_that_is_larger_than_a_message_is_passed_over_and_refused_under_its_own_id(
    tmp_path: Path,
) -> None:
    async with sidecar(tmp_path) as process, staying_small(process, "rpc.dispatch.MAX_MESSAGE_BYTES") as told:
        begun = b'{"jsonrpc": "2.0", "id": "x", "method": "chat:send", "params": {"content": "'
        process.send_raw(b"".join([begun, *[b"x" * MEGABYTE] * 100, b'"}}\n']))
        answer = await process.read_message()
        told.append(answer["error"]["message"])
    assert (answer["id"], answer["error"]["data"]["kind"]) == ("x", "message_too_large")


async def test_a_piece_of_a_stream_that_has_no_end_ends_the_answer_with_a_sentence(tmp_path: Path) -> None:
    endless = Answer([head(200, {}, "text/event-stream"), b'data: {"choices": "', *[b"x" * MEGABYTE] * 700])
    async with (
        serving(endless) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
        staying_small(process, "providers.kernel.sse.MAX_EVENT_BYTES") as told,
    ):
        told.append((await refused(process)).message)
        assert "too large" in told[0]


async def test_a_list_of_models_of_one_endless_document_ends_with_a_sentence(tmp_path: Path) -> None:
    endless = Answer([head(), b'{"data": "', *[b"x" * MEGABYTE] * 700])
    async with (
        serving(endless) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
        staying_small(process, "providers.kernel.http.MAX_DOCUMENT_BYTES") as told,
    ):
        with pytest.raises(RpcError) as caught:
            await process.call("models:discover", {"provider": "lab"})
        told.append(caught.value.message)


async def test_ten_thousand_requests_that_wait_are_all_that_is_taken(tmp_path: Path) -> None:
    async with (
        sidecar(tmp_path, keychain=SILENT, deadline=120) as process,
        staying_small(process, "rpc.in_flight.MAX_IN_FLIGHT") as told,
    ):
        # The keychain is waited for by who saves a key, for longer than any machine takes to read them.
        key = {"key": "apiKey", "provider": "openai", "value": "sk-a-key-to-be-saved"}
        waiting = [process.start_call("settings:save", key) for _ in range(10_002)]
        with pytest.raises(RpcError) as caught:
            await process.result(waiting[-1])
        told.append(caught.value.message)
        assert caught.value.data["kind"] == "overloaded"
