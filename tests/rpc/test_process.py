"""The toy server as a process of its own, behind real pipes: what only the operating system can show."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError, SidecarProcess, drain
from tests.helpers.wire import Framing, frame, request

TOY = [sys.executable, "-m", "tests.helpers.toy"]

FORMS: list[tuple[Any, Any]] = [
    (..., None),
    (None, None),
    ([], None),
    ([None], None),
    ([{"a": 1}], {"a": 1}),
    ({"a": "ü"}, {"a": "ü"}),
]

both_framings = pytest.mark.parametrize("framing", ["newline", "headers"])


def toy(framing: Framing = "newline", *flags: str) -> SidecarProcess:
    return SidecarProcess([*TOY, *flags], framing=framing)


async def end(process: SidecarProcess) -> None:
    """Ends it as a client should, and nothing was left on the wire."""
    process.close_stdin()
    assert await process.wait() == 0


async def error_of(process: SidecarProcess, method: str, params: Any = ...) -> RpcError:
    with pytest.raises(RpcError) as failed:
        await process.call(method, params)
    return failed.value


@both_framings
async def test_requests_are_answered_in_the_framing_of_the_client(framing: Framing) -> None:
    async with toy(framing) as process:
        for params, result in FORMS:
            assert await process.call("echo", params) == result
        assert (await error_of(process, "nothing")).code == -32601
        assert (await error_of(process, "fail")).data["retryAfterMs"] == 1500
        process.notify("crash")
        process.send([request("echo", {"n": 1}, "a"), request("echo", {}, ...), request("nothing", id="b")])
        assert {answer["id"] for answer in await process.read_message()} == {"a", "b"}
        await end(process)


@both_framings
async def test_nothing_that_arrives_ends_the_process(framing: Framing) -> None:
    async with toy(framing) as process:
        codes = []
        deep = b"[" * 100_000 + b"]" * 100_000
        for body in (
            b"{bad",
            b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}',
            deep,
            b'{"jsonrpc":"2.0","id":"deep","method":"echo","params":' + deep + b"}",
            b'{"jsonrpc":"2.0","id":"nan","method":"echo","params":{"a":NaN}}',
            b'{"jsonrpc":"2.0","id":"long","method":"echo","params":{"a":' + b"9" * 5000 + b"}}",
            b"[]",
            b"17",
            b'{"jsonrpc":"2.0","id":"large","method":"echo","params":{"a":"'
            + b"x" * (65 * 1024 * 1024)
            + b'"}}',
        ):
            process.send_raw(frame(body, framing))
            answer = await process.read_message()
            codes.append((answer["id"], answer["error"]["code"]))
        assert codes == [
            (None, -32700),
            (None, -32700),
            (None, -32700),
            ("deep", -32700),
            ("nan", -32700),
            ("long", -32700),
            (None, -32600),
            (None, -32600),
            ("large", -32040),
        ]
        assert await process.call("echo", {"still": "here"}) == {"still": "here"}
        process.send({"jsonrpc": "2.0", "id": "s", "method": "echo", "params": {"lone": "\ud800"}})
        assert await process.read_message() == {"jsonrpc": "2.0", "id": "s", "result": {"lone": "\ufffd"}}
        await end(process)


async def test_bad_headers_are_answered_and_the_next_frame_is_served() -> None:
    async with toy("headers") as process:
        assert await process.call("echo", {"a": 1}) == {"a": 1}
        process.send_raw(b"Content-Length: many\r\n\r\n{}")
        assert (await process.read_message())["error"]["code"] == -32700
        assert await process.call("echo", {"a": 2}) == {"a": 2}
        await end(process)


async def test_the_limit_of_a_message_can_be_set() -> None:
    async with toy("newline", "--max-message-bytes", "1000") as process:
        assert await process.call("echo", {"a": "x" * 900}) == {"a": "x" * 900}
        assert (await error_of(process, "echo", {"a": "x" * 1000})).code == -32040
        await end(process)


@both_framings
async def test_a_thousand_requests_at_once_are_all_answered(framing: Framing) -> None:
    async with toy(framing) as process:
        started = [process.start_call("echo", {"n": number}) for number in range(1000)]
        assert [await process.result(each) for each in started] == [{"n": number} for number in range(1000)]
        await end(process)


async def test_requests_run_beside_one_that_does_not_end() -> None:
    async with toy() as process:
        waiting = process.start_call("wait")
        await process.notification("toy:waiting")
        assert await process.call("echo", {"a": 1}) == {"a": 1}
        process.notify("$/cancelRequest", {"id": waiting.id})
        await process.notification("toy:settled")
        with pytest.raises(RpcError) as cancelled:
            await process.result(waiting)
        assert cancelled.value.code == -32800
        await end(process)


@both_framings
async def test_what_is_printed_never_reaches_the_wire(framing: Framing) -> None:
    async with toy(framing) as process:
        assert await process.call("shout") == "shouted"
        assert await process.call("echo") is None
        for text in ("printed", "written to descriptor 1", "a child with ''"):
            await process.logged(text)
        await end(process)


async def test_the_text_of_an_exception_stays_in_the_log() -> None:
    async with toy() as process:
        assert "nobody" not in str(await error_of(process, "crash"))
        assert (await error_of(process, "leave")).code == -32603
        await process.logged("a text that nobody may see")
        await end(process)


async def test_a_large_answer_is_whole() -> None:
    async with toy("headers") as process:
        assert len(await process.call("big", {"bytes": 30_000_000})) == 30_000_000
        await end(process)


@both_framings
async def test_a_client_that_stops_reading_costs_no_memory_and_loses_no_text(framing: Framing) -> None:
    count, text = 300_000, "0123456789"
    async with toy(framing) as process:
        await process.call("echo")
        before = process.rss_bytes()
        process.pause_reading()
        flood = process.start_call("flood", {"count": count, "text": text, "partialResultToken": "t"})
        beside = [process.start_call("big", {"bytes": 20_000}) for _ in range(200)]
        await process.logged("the flood is over")
        after = process.rss_bytes()
        process.resume_reading()
        assert await process.result(flood) == {"count": count}
        values = drain(process.progress["t"])
        assert "".join(value["text"] for value in values[:-1]) == text * count
        assert values[-1] == {"type": "done"}
        assert [len(await process.result(each)) for each in beside] == [20_000] * 200
        jobs = [job["done"] for job in drain(process.notifications["job:progress"])]
        assert jobs == sorted(jobs)
        assert jobs[-1] == count
        assert len(jobs) < count / 500
        if before is not None and after is not None:
            assert after - before < 64 * 1024 * 1024
        await end(process)


@pytest.mark.parametrize("how", ["stdin", "exit", "signal"])
async def test_a_request_that_is_running_at_the_end_is_answered(how: str) -> None:
    if how == "signal" and sys.platform == "win32":
        pytest.skip("Windows ends a process at once")
    async with toy() as process:
        running = process.start_call("finish")
        await process.notification("toy:waiting")
        if how == "stdin":
            process.close_stdin()
        elif how == "exit":
            process.notify("exit")
        else:
            process.terminate()
        assert await process.result(running) == "finished"
        assert await process.wait() == 0


async def test_a_request_that_does_not_end_is_cancelled_at_the_end() -> None:
    async with toy("newline", "--grace", "0.1") as process:
        running = process.start_call("wait")
        await process.notification("toy:waiting")
        process.close_stdin()
        with pytest.raises(RpcError) as cancelled:
            await process.result(running)
        assert cancelled.value.code == -32800
        assert process.received[-2]["method"] == "toy:settled"
        assert await process.wait() == 0


async def test_after_shutdown_only_exit_is_taken() -> None:
    async with toy() as process:
        assert await process.call("shutdown") is None
        assert (await error_of(process, "echo")).code == -32050
        process.notify("exit")
        assert await process.wait() == 0


async def test_a_client_that_vanishes_ends_the_process() -> None:
    child = await asyncio.create_subprocess_exec(
        *TOY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY
    )
    assert child.stdin is not None
    child._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    child.stdin.write(frame(request("echo")))
    async with asyncio.timeout(60):
        _, errors = await child.communicate()
    assert child.returncode == 0
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (frame(request("echo", {"a": 1})), [{"jsonrpc": "2.0", "id": 1, "result": {"a": 1}}]),
        (json.dumps(request("echo")).encode(), [{"jsonrpc": "2.0", "id": 1, "result": None}]),
        (b"", []),
        (b"\r\n \n", []),
    ],
)
def test_a_shell_can_ask_and_gets_its_answer_and_an_end(sent: bytes, received: list[Any]) -> None:
    done = subprocess.run(TOY, input=sent, capture_output=True, timeout=20, cwd=REPOSITORY, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == received
    assert done.stderr == b""


@pytest.mark.skipif(os.name == "nt", reason="a console is no file there")
def test_files_serve_as_well_as_pipes(tmp_path: Any) -> None:
    (tmp_path / "in").write_bytes(frame(request("big", {"bytes": 100_000})))
    with (tmp_path / "in").open("rb") as stdin, (tmp_path / "out").open("wb") as stdout:
        subprocess.run(TOY, stdin=stdin, stdout=stdout, timeout=20, cwd=REPOSITORY, check=True)
    assert len(json.loads((tmp_path / "out").read_bytes())["result"]) == 100_000
