"""However much comes, little is held of it: the process never has more than 600 MB, and answers all the while."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunk, event, head, raw, serving, whole
from tests.field.lab import ask, own_models, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.wire import request

# A process of its own from the first: what is forked has all modules in its memory.
pytestmark = pytest.mark.usefixtures("real_starts")

MOST_BYTES = 600 * 1024 * 1024
HEALTH_SECONDS = 5.0
MEGABYTE = 1024 * 1024
PACKED_SIZE = 768 * MEGABYTE


def peak_bytes(process: SidecarProcess) -> int:
    """The most memory that the process ever had, where the system tells it."""
    assert not process.forked, "the test needs the fixture real_starts"
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii")
    except OSError:
        pytest.skip("the system does not tell the peak of another process's memory")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


@asynccontextmanager
async def staying_small(process: SidecarProcess, bound: str) -> AsyncIterator[list[str]]:
    """Ask for the health all the time of the block, each answer in time, and look at the memory in the end.

    `bound` is the constant that keeps it small, as `module.NAME` below `sidecar`. What the block adds to the list is
    what a person was told.
    """
    module, _, constant = bound.rpartition(".")
    assert isinstance(getattr(import_module(f"sidecar.{module}"), constant), int | str)
    told: list[str] = []
    await process.call("system:health")

    async def watch() -> None:
        while True:
            async with asyncio.timeout(HEALTH_SECONDS):
                await process.call("system:health")
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    try:
        yield told
        assert not watching.done(), watching.exception()
        async with asyncio.timeout(HEALTH_SECONDS):
            await process.call("system:health")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    peak = peak_bytes(process)
    if peaks := os.environ.get("ABAI_PEAKS"):
        # `make soak` makes a table of them.
        name = os.environ["PYTEST_CURRENT_TEST"].partition("::")[2].rpartition(" ")[0]
        with Path(peaks).open("a", encoding="utf-8") as file:
            file.write("\t".join((name, str(peak), bound, " ".join(told))) + "\n")
    assert peak < MOST_BYTES


def packed(piece: bytes, size: int, *, times: int) -> bytes:
    """So many bytes of that piece over and over, packed so many times."""
    packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    many = piece * (MEGABYTE // len(piece))
    parts = [packing.compress(many) for _ in range(size // len(many))]
    data = b"".join([*parts, packing.flush()])
    for _ in range(times - 1):
        data = gzip.compress(data, 9)
    return data


@field("trust", "a small body that was packed twice")
async def test_a_body_that_is_packed_twice_is_not_unpacked(tmp_path: Path) -> None:
    body = packed(b"x" * 1024, PACKED_SIZE, times=2)
    assert len(body) < MEGABYTE
    headers = {"content-encoding": "gzip, gzip"}
    async with (
        serving(raw(head(200, headers, "text/event-stream"), body)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
        staying_small(process, "providers.kernel.unpack.ACCEPTED") as told,
    ):
        told.append((await refused(process)).message)
        assert "cannot be unpacked" in told[0]


@field("trust", "Stays as it is: the same body packed once")
@pytest.mark.parametrize("status", [200, 400])
async def test_a_body_that_is_packed_once_is_read_as_far_as_it_can_be(status: int, tmp_path: Path) -> None:
    body = packed(b"x" * 1024, PACKED_SIZE, times=1)
    headers = {"content-encoding": "gzip"}
    async with (
        serving(raw(head(status, headers, "text/event-stream"), body)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
        staying_small(process, "providers.kernel.unpack.PIECE_BYTES") as told,
    ):
        error = await refused(process)
        assert error.data["provider"] == "lab"
        told.append(error.message)


async def test_an_answer_that_is_packed_once_is_read(tmp_path: Path) -> None:
    events = [
        event(chat_chunk({"content": "Good morning"})),
        event(chat_chunk({}, "stop")),
        b"data: [DONE]\n\n",
    ]
    body = gzip.compress(b"".join(events))
    async with (
        serving(raw(head(200, {"content-encoding": "gzip"}, "text/event-stream"), body)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        assert (await ask(process))["answer"] == "Good morning"


def endless(piece: bytes) -> Answer:
    return Answer([head(200, {}, "text/event-stream"), *[piece] * 20_000])


@field("trust", "a stream of good pieces of 60,000 letters that does not end")
@pytest.mark.parametrize(("asked", "most"), [({}, 9 * MEGABYTE), ({"maxOutputTokens": 100}, 200_000)])
async def test_an_answer_without_end_ends_where_it_is_too_long(
    asked: dict[str, Any], most: int, tmp_path: Path
) -> None:
    piece = event(chat_chunk({"content": "word " * 12_000}))
    async with (
        serving(endless(piece)) as server,
        sidecar(tmp_path, models=own_models(server.url), deadline=60) as process,
        staying_small(process, "providers.kernel.answer_bound.MOST_LETTERS") as told,
    ):
        answer = await ask(process, options=asked)
        told.append(f"An answer that ended as `{answer['finishReason']}`")
    assert answer["finishReason"] == "length"
    assert 60_000 < len(answer["answer"]) < most


@pytest.mark.parametrize(
    "piece", [{"choices": []}, {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}]
)
async def test_a_stream_of_nothing_without_end_ends_with_a_sentence(
    piece: dict[str, Any], tmp_path: Path
) -> None:
    many = event({**piece, "padding": "x" * 60_000}) * 5
    async with (
        serving(endless(many)) as server,
        sidecar(tmp_path, models=own_models(server.url), deadline=60) as process,
        staying_small(process, "providers.kernel.events.MOST_STREAM_BYTES") as told,
    ):
        told.append((await refused(process)).message)
        assert "no end" in told[0]


# Frames are made where they are sent: every process of a run that only gathers this test would hold all of them.
@field("trust", "a frame `[1,1,…]` of 500,000 ones")
@pytest.mark.parametrize(
    ("made", "kind", "bound"),
    [
        (lambda: b"[" + b"1," * 499_999 + b"1]", "invalid_request", "rpc.dispatch.MAX_BATCH"),
        (
            lambda: (
                b"[" + b",".join([json.dumps(request("system:health", ..., 1)).encode()] * 100_000) + b"]"
            ),
            "invalid_request",
            "rpc.dispatch.MAX_BATCH",
        ),
        (
            lambda: b"[" + b",".join([json.dumps(request("exit", ..., ...)).encode()] * 1_001) + b"]",
            "invalid_request",
            "rpc.dispatch.MAX_BATCH",
        ),
        (lambda: b"[" + b"[]," * 20_000_000 + b"1]", "message_too_large", "rpc.codec.MAX_VALUES"),
        (lambda: b"[" + b'"",' * 20_000_000 + b"1]", "message_too_large", "rpc.codec.MAX_VALUES"),
    ],
    ids=["ones", "good requests", "few too many", "lists", "texts"],
)
async def test_a_frame_of_very_many_is_refused_as_a_whole(
    made: Callable[[], bytes], kind: str, bound: str, tmp_path: Path
) -> None:
    frame = made()
    async with sidecar(tmp_path) as process, staying_small(process, bound) as told:
        process.send_raw(frame + b"\n")
        answer = await process.read_message()
        told.append(answer["error"]["message"])
        assert answer["error"]["data"]["kind"] == kind
        assert answer["id"] is None


@field("trust", "a frame `[1,1,…]` of 500,000 ones")
async def test_a_state_of_very_many_lists_is_refused_under_its_own_id(tmp_path: Path) -> None:
    state = b'{"projectId": "p", "state": {"a": [' + b"[]," * 20_000_000 + b"[]]}}"
    frame = b'{"jsonrpc": "2.0", "id": "s", "method": "jobqueue:save-state", "params": ' + state + b"}\n"
    async with sidecar(tmp_path) as process, staying_small(process, "rpc.codec.MAX_VALUES") as told:
        process.send_raw(frame)
        answer = await process.read_message()
        told.append(answer["error"]["message"])
    assert answer["id"] == "s"
    assert answer["error"]["data"]["kind"] == "message_too_large"
    assert "values" in answer["error"]["message"]


async def test_a_long_text_of_brackets_is_a_text(tmp_path: Path) -> None:
    async with sidecar(tmp_path) as process, staying_small(process, "rpc.codec.MAX_VALUES") as told:
        with pytest.raises(RpcError, match="no model") as caught:
            await ask(process, "[{,:" * MEGABYTE, model="nobody/nothing")
        assert caught.value.data["kind"] in ("not_found", "invalid_params")
        told.append(caught.value.message)


@field("trust", "a results file of 900 MB in one line")
async def test_a_results_file_of_one_endless_line_keeps_nobody_from_the_other_rows(tmp_path: Path) -> None:
    rows: list[str] = []

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            rows.extend(each["custom_id"] for each in asked.json["requests"])
        state = "ended" if rows and asked.path.endswith("/b1") else "in_progress"
        if asked.path.endswith("/results"):
            message = {
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-5",
                "content": [{"type": "text", "text": "Good morning"}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 1000, "output_tokens": 100},
            }
            good = {"custom_id": rows[0], "result": {"type": "succeeded", "message": message}}
            endless_line = [b'{"custom_id": "', *[b"x" * MEGABYTE] * 900, b'"}\n']
            return Answer([head(), *endless_line, json.dumps(good).encode() + b"\n"])
        return whole(
            {
                "id": "b1",
                "type": "message_batch",
                "processing_status": state,
                "request_counts": {
                    "processing": 0,
                    "succeeded": 2,
                    "errored": 0,
                    "canceled": 0,
                    "expired": 0,
                },
                "results_url": "/results" if state == "ended" else None,
                "created_at": "2026-01-01T00:00:00Z",
                "ended_at": None,
                "data": [],
                "has_more": False,
            }
        )

    async with serving(answer) as server:
        environment = vendor_environment(server.url, "anthropic")
        async with (
            sidecar(tmp_path, "--batch-poll-seconds", "1", environment=environment, deadline=60) as process,
            staying_small(process, "providers.kernel.jsonl.MAX_LINE_BYTES") as said,
        ):
            made = (await process.call("project:create", {"name": "Field"}))["id"]
            asked = [{"prompt": "Why?", "model": "anthropic/claude-sonnet-5"} for _ in range(2)]
            job = await process.call(
                "batch:submit-native", {"projectId": made, "rows": asked, "providerName": "anthropic"}
            )
            while (await process.notification("batch:progress"))["status"] not in ("completed", "failed"):
                pass
            rows_now = await process.call("batch:get-results", {"jobId": job["jobId"]})
            said += [row["errorMessage"] for row in rows_now if "errorMessage" in row]
    assert [row["status"] for row in rows_now].count("success") == 1
    assert ["too large to be read" in sentence for sentence in said] == [True]
