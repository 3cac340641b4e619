"""The real process over real pipes: what it survives, what it keeps, how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sidecar.contract.settings import DEFAULTS
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, mock_process, quiet_environment
from tests.helpers.simulator import simulator_process
from tests.helpers.wire import frame, request

MODEL = "openai/gpt-6.1-terra"


@pytest.mark.parametrize("framing", ["newline", "headers"])
def test_one_request_through_a_shell_pipe_gives_one_frame_and_exit_code_0(
    framing: Any, tmp_path: Path
) -> None:
    asked = frame(request("models:get-all"), framing)
    ran = subprocess.run(
        command(tmp_path), input=asked, capture_output=True, timeout=20, check=False, env=quiet_environment()
    )
    assert ran.returncode == 0, ran.stderr.decode()
    body = ran.stdout.split(b"\r\n\r\n", 1)[1] if framing == "headers" else ran.stdout.removesuffix(b"\n")
    assert b"\n" not in body
    models = json.loads(body)["result"]
    assert {"gpt-4o", "models/gemini-2.5-pro-thinking"} <= {model["id"] for model in models}


async def test_no_input_ends_it_and_the_next_request_is_served(tmp_path: Path) -> None:
    wide = (
        b'{"jsonrpc":"2.0","id":-8,"method":"project:create","params":{"name":"'
        + b"x" * (65 << 20)
        + b'"}}\n'
    )
    # What is sent, the code of its answer, and the id, where one can be read in what is wrong otherwise.
    hostile: list[tuple[str, bytes, int, int | None]] = [
        ("not JSON", b"{oops\n", -32700, None),
        ("not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}\n', -32700, None),
        ("too deep", b"[" * 100_000 + b"\n", -32700, None),
        ("NaN", b'{"jsonrpc":"2.0","id":-7,"method":"project:create","params":{"name":NaN}}\n', -32700, -7),
        ("not a request", b'{"hello":1}\n', -32600, None),
        ("a number", b"7\n", -32600, None),
        ("an empty batch", b"[]\n", -32600, None),
        ("65 MiB", wide, -32040, -8),
    ]
    async with mock_process(tmp_path) as sidecar:
        for name, sent, code, id_ in hostile:
            sidecar.send_raw(sent)
            answer = await sidecar.read_message()
            assert (answer["error"]["code"], answer["id"]) == (code, id_), name
            assert await sidecar.call("project:list") == [], name


@pytest.mark.parametrize("params", [..., None, [], [None], [{}], {}])
async def test_no_params_may_be_said_in_six_ways(params: Any, tmp_path: Path) -> None:
    async with mock_process(tmp_path) as sidecar:
        assert await sidecar.call("project:list", params) == []
        assert (await sidecar.call("settings:load", params)).keys() == DEFAULTS.keys()


async def test_batches_notifications_and_unknown_methods(tmp_path: Path) -> None:
    async with mock_process(tmp_path) as sidecar:
        sidecar.notify("project:create", {"name": "Quiet"})
        sidecar.notify("no:such-method")
        with pytest.raises(RpcError, match="no:such-method") as caught:
            await sidecar.call("no:such-method")
        assert caught.value.code == -32601
        await sidecar.call("project:create", {"name": "Second"})  # writes are applied in the order sent
        sidecar.send(
            [request("project:list", id="a"), request("project:list", ..., ...), request("nope", id="b")]
        )
        answers = {answer["id"]: answer for answer in await sidecar.read_message()}
        assert {project["name"] for project in answers["a"]["result"]} == {"Quiet", "Second"}
        assert answers["b"]["error"]["code"] == -32601
        assert len(answers) == 2


async def test_a_thousand_questions_at_once_are_all_answered_and_all_paid(tmp_path: Path) -> None:
    async with mock_process(tmp_path) as sidecar:
        asked = [
            sidecar.start_call("chat:send", {"content": f"Reply with exactly: {number}", "modelId": MODEL})
            for number in range(1_000)
        ]
        replies = [await sidecar.result(each) for each in asked]
        assert [reply["answer"] for reply in replies] == [str(number) for number in range(1_000)]
        sidecar.close_stdin()
        assert await sidecar.wait() == 0
    with closing(sqlite3.connect(tmp_path / "abai.db")) as database:
        settled = database.execute("SELECT count(*), count(cost_pico) FROM ledger WHERE state = 'settled'")
        assert settled.fetchone() == (1_000, 1_000)


async def test_closing_the_pipe_in_the_middle_of_an_answer_keeps_what_had_arrived(tmp_path: Path) -> None:
    async with mock_process(tmp_path, pace_ms=20) as sidecar:
        question = {
            "conversationId": "talk",
            "content": "Go on [[simulate: tokens=100000]]",
            "modelId": MODEL,
        }
        asked = sidecar.start_call("chat:send", {**question, "partialResultToken": "t"})
        async with asyncio.timeout(60):
            await sidecar.progress["t"].get()
        sidecar.close_stdin()
        with pytest.raises(RpcError) as caught:
            await sidecar.result(asked)
        assert caught.value.code == -32800
        assert await sidecar.wait() == 0
    async with mock_process(tmp_path) as sidecar:
        _, answer = await sidecar.call("messages:list", {"conversationId": "talk"})
        assert answer["finishReason"] == "cancelled"
        assert answer["content"].startswith("[simulated")


async def test_sigterm_lets_a_short_answer_finish_and_commits(tmp_path: Path) -> None:
    async with mock_process(tmp_path, pace_ms=20) as sidecar:
        question = {"conversationId": "talk", "content": "Why is the sky blue?", "modelId": MODEL}
        asked = sidecar.start_call("chat:send", {**question, "partialResultToken": "t"})
        async with asyncio.timeout(60):
            await sidecar.progress["t"].get()
        sidecar.terminate()
        reply = await sidecar.result(asked)
        assert await sidecar.wait() == 0
    async with mock_process(tmp_path) as sidecar:
        assert (await sidecar.call("messages:list", {"conversationId": "talk"}))[-1]["id"] == reply["id"]


async def test_a_signal_to_a_process_that_is_ending_does_not_cut_off_what_is_paid_for(tmp_path: Path) -> None:
    row = {"prompt": "[[simulate: slow_first_ms=1500]] Hello", "model": MODEL}
    async with mock_process(tmp_path) as sidecar:
        project = await sidecar.call("project:create", {"name": "P"})
        job = await sidecar.call("batch:submit", {"projectId": project["id"], "rows": [row], "start": True})
        async with asyncio.timeout(60):
            while not _sent(tmp_path):
                await sidecar.call("system:health")
        sidecar.close_stdin()
        ended = asyncio.create_task(sidecar.wait())
        # The system that shuts down, or a second Ctrl-C, while the row in flight may still end.
        await asyncio.wait({ended}, timeout=0.3)
        sidecar.terminate()
        assert await ended == 0
    async with mock_process(tmp_path) as sidecar:
        [result] = await sidecar.call("batch:get-results", {"jobId": job["id"]})
        assert (result["status"], result["attempts"]) == ("success", 1)


def _sent(data_dir: Path) -> bool:
    with closing(sqlite3.connect(data_dir / "abai.db")) as conn:
        return bool(conn.execute("SELECT count(*) FROM ledger").fetchone()[0])


async def test_every_acknowledged_message_survives_kill_9(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    async with mock_process(tmp_path) as sidecar:
        project = await sidecar.call("project:create", {"name": "Kept"})
        talk = await sidecar.call("conversation:create", {"projectId": project["id"]})
    for _ in range(20):
        async with mock_process(tmp_path) as sidecar:
            message = {"conversationId": talk["id"], "role": "user", "content": "Remember me"}
            waiting = [sidecar.start_call("messages:add", message) for _ in range(50)]
            first = await sidecar.result(waiting[0])
            sidecar.kill()  # others are on their way: acknowledged or not, never half
            await sidecar.wait()
            done = [
                each.reply.result() for each in waiting if each.reply.done() and not each.reply.exception()
            ]
            acknowledged += [each["id"] for each in done]
            assert first["id"] in acknowledged
    async with mock_process(tmp_path) as sidecar:
        kept = {each["id"] for each in await sidecar.call("messages:list", {"conversationId": talk["id"]})}
        assert set(acknowledged) <= kept
        assert len(acknowledged) >= 20


async def test_a_database_that_cannot_be_opened_is_said_in_every_answer_and_left_as_it_was(
    tmp_path: Path,
) -> None:
    (tmp_path / "abai.db").write_bytes(b"These are my notes, not a database.")
    async with mock_process(tmp_path) as sidecar:
        with pytest.raises(RpcError, match="not a database") as caught:
            await sidecar.call("project:list")
        assert caught.value.code == -32030
        assert len(await sidecar.call("models:get-all", {"includeAliases": True})) > 100
        sidecar.close_stdin()
        assert await sidecar.wait() == 0
    assert (tmp_path / "abai.db").read_bytes() == b"These are my notes, not a database."


async def test_a_second_sidecar_on_the_same_folder_says_so_and_harms_nothing(tmp_path: Path) -> None:
    async with mock_process(tmp_path) as first:
        await first.call("project:create", {"name": "Mine"})
        async with mock_process(tmp_path) as second:
            with pytest.raises(RpcError) as caught:
                await second.call("project:list")
        assert caught.value.code == -32002
        assert [each["name"] for each in await first.call("project:list")] == ["Mine"]


async def test_one_wrong_character_in_models_json_refuses_what_spends_and_nothing_else(
    tmp_path: Path,
) -> None:
    question = {"conversationId": "talk", "content": "Why?", "modelId": MODEL}
    own = tmp_path / "models.json"
    rows = [{"prompt": "Hello", "model": MODEL}]
    async with mock_process(tmp_path) as sidecar:
        project = (await sidecar.call("project:create", {"name": "Mine"}))["id"]
        await sidecar.call("chat:send", question)
        waiting = await sidecar.call("batch:submit", {"projectId": project, "rows": rows})
    own.write_text('{\n  "models": [\n    {"provider": "lab" "id": "llama"}\n  ]\n}\n', encoding="utf-8")
    async with mock_process(tmp_path) as sidecar:
        for method, params in (
            ("chat:send", question),
            ("chat:compare", {**question, "modelIds": [MODEL]}),
            ("batch:submit", {"projectId": project, "rows": rows}),
            ("batch:submit-native", {"projectId": project, "rows": rows, "providerName": "openai"}),
            ("batch:start", {"jobId": waiting["id"]}),
            ("batch:estimate", {"rows": rows}),
        ):
            if method == "chat:compare":
                [reply] = (await sidecar.call(method, params))["replies"]
                assert "line 3, column 24" in reply["error"]["message"]
                continue
            with pytest.raises(RpcError, match=r"models\.json.*line 3, column 24") as caught:
                await sidecar.call(method, params)
            assert caught.value.code == -32602
        # Nothing was asked, and everything else answers.
        assert len(await sidecar.call("messages:list", {"conversationId": "talk"})) == 3
        assert (await sidecar.call("messages:search", {"query": "why"}))["items"]
        await sidecar.call("models:get-all")
        await sidecar.call("settings:save", {"key": "maxOutputTokens", "value": 100})
        await sidecar.call("activity:stats")
        await sidecar.call(
            "batch:export", {"jobId": waiting["id"], "path": f"{tmp_path}-rows.csv", "format": "csv"}
        )
        await sidecar.call("data:backup", {"path": f"{tmp_path}-backup.db"})
        await sidecar.call("work:list")
        health = await sidecar.call("system:health")
        assert (health["status"], "line 3, column 24" in health["problem"]) == ("degraded", True)
        assert any("line 3, column 24" in each for each in (await sidecar.call("system:doctor"))["problems"])
        # Corrected, it holds at once; what is wrong in it otherwise is told by its name and its place.
        own.write_text(
            '{"models": [{"provider": "lab", "id": "llama",\n"contextSzie": 7}]}', encoding="utf-8"
        )
        with pytest.raises(RpcError, match=r"line 2, column 16: models\[0\]\.contextSzie is not known"):
            await sidecar.call("chat:send", question)
        own.unlink()
        assert (await sidecar.call("chat:send", question))["answer"]
        assert (await sidecar.call("system:health"))["status"] == "ok"


async def test_a_batch_that_ran_waits_for_a_models_json_to_be_corrected(tmp_path: Path) -> None:
    own = tmp_path / "models.json"
    rows = [
        {"prompt": f"Hello {each} [[simulate: slow_first_ms=60000]]", "model": MODEL} for each in range(3)
    ]
    async with mock_process(tmp_path) as sidecar:
        project = (await sidecar.call("project:create", {"name": "Mine"}))["id"]
        job = await sidecar.call("batch:submit", {"projectId": project, "rows": rows, "start": True})
        sidecar.kill()
    own.write_text("{", encoding="utf-8")
    async with mock_process(tmp_path) as sidecar:
        assert (await sidecar.call("initialize", {"protocolVersion": "1.0"}))["resumedJobs"] == []
        assert (await sidecar.call("batch:get", {"jobId": job["id"]}))["failedRows"] == 0
        own.write_text("{}", encoding="utf-8")
        assert (await sidecar.call("system:health"))["status"] == "ok"
        async with asyncio.timeout(60):
            while (await sidecar.call("work:list"))["jobs"][0]["rowsInFlight"] < 3:
                await sidecar.news()


VENDORS = {
    "openai": ("OPENAI_API_KEY", MODEL),
    "anthropic": ("ANTHROPIC_API_KEY", "anthropic/claude-sonnet-5-5"),
    "gemini": ("GEMINI_API_KEY", "gemini/gemini-3.8-flash"),
    "grok": ("XAI_API_KEY", "grok/grok-4.7"),
}


async def test_no_key_shows_in_a_log_an_error_a_response_or_the_database(tmp_path: Path) -> None:
    secrets = {variable: f"very-secret-{name}-73114242" for name, (variable, _) in VENDORS.items()}
    invalid = "sk-invalid-very-secret-90001234"
    async with simulator_process() as simulator:
        environment = quiet_environment(**{**simulator.environment, **secrets})
        async with SidecarProcess(command(tmp_path, "--log-level", "debug"), env=environment) as sidecar:
            for name, (_, model) in VENDORS.items():
                question = {"conversationId": "talk", "content": "Hello", "modelId": model}
                assert (await sidecar.call("chat:send", question))["answer"]
                shown = await sidecar.call("settings:load", {"key": "apiKey", "provider": name})
                assert shown.endswith("…4242")
                await sidecar.call("settings:save", {"key": "apiKey", "provider": name, "value": invalid})
                with pytest.raises(RpcError) as caught:
                    await sidecar.call("chat:send", {"content": "Hello", "modelId": model})
                assert caught.value.code == -32011
                assert await sidecar.notification("settings:invalidKey") == {"provider": name}
                verdict = await sidecar.call("settings:validate-key", {"provider": name})
                assert verdict["valid"] is False
            sidecar.close_stdin()
            await sidecar.wait()
            seen = json.dumps(sidecar.received) + "\n".join(sidecar.stderr)
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("abai.db*"))
    for key in (*secrets.values(), invalid):
        assert key not in seen
        assert key.encode() not in stored


def test_no_recording_and_no_recorded_body_holds_a_key() -> None:
    texts = [file.read_bytes() for file in Path(__file__).parent.rglob("*.jsonl")]
    texts += [file.read_bytes() for file in Path(__file__).parent.rglob("recorded/**/*.json")]
    assert len(texts) > 30
    headers = ("authorization", "x-api-key", "x-goog-api-key")
    for text in texts:
        assert not [name for name in headers if f'"{name}"'.encode() in text.lower()]
        assert b"sk-secret" not in text


@pytest.mark.parametrize("name", VENDORS)
async def test_the_cost_agrees_with_what_the_vendor_would_have_charged(name: str, tmp_path: Path) -> None:
    _, model = VENDORS[name]
    async with simulator_process() as simulator:
        async with SidecarProcess(
            command(tmp_path), env=quiet_environment(**simulator.environment)
        ) as sidecar:
            questions: list[dict[str, Any]] = [
                {"content": "Tell me more"},
                {"content": "word " * 3_000, "options": {"enablePromptCaching": True}},
                {"content": "word " * 3_000, "options": {"enablePromptCaching": True}},
                {"content": "What is new?", "options": {"enableWebSearch": True}},
            ]
            replies = [
                await sidecar.call("chat:send", {"modelId": model, **question}) for question in questions
            ]
        charged = float((await simulator.ledger())["totalChargedUSD"])
    assert sum(reply["costUSD"] for reply in replies) == pytest.approx(charged, abs=1e-12)
    assert charged > 0


@pytest.mark.parametrize("name", VENDORS)
async def test_a_stopped_answer_keeps_its_text_and_the_vendor_sees_the_connection_close(
    name: str, tmp_path: Path
) -> None:
    _, model = VENDORS[name]
    async with (
        simulator_process(pace_ms=20) as simulator,
        SidecarProcess(command(tmp_path), env=quiet_environment(**simulator.environment)) as sidecar,
    ):
        content = "Go on [[simulate: tokens=50000]]"
        question = {"conversationId": "talk", "content": content, "modelId": model}
        asked = sidecar.start_call("chat:send", {**question, "partialResultToken": "t"})
        async with asyncio.timeout(60):
            while (await sidecar.progress["t"].get())["type"] != "text":
                pass
        assert await sidecar.call("chat:abort", {"conversationId": "talk"}) == {"aborted": 1}
        with pytest.raises(RpcError) as caught:
            await sidecar.result(asked)
        assert caught.value.code == -32800
        async with asyncio.timeout(60):
            while (await simulator.ledger())["running"]:
                pass
        [entry] = (await simulator.ledger())["requests"]
        assert entry["state"] == "cancelled"
        _, answer = await sidecar.call("messages:list", {"conversationId": "talk"})
        assert answer["content"]
        assert answer["finishReason"] == "cancelled"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_it_says_what_it_waits_for(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"\x04")
        run = subprocess.run(
            command(tmp_path, "--mock"),
            stdin=theirs,
            capture_output=True,
            timeout=60,
            check=True,
            env=quiet_environment(),
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"Ctrl-D ends it" in run.stderr
    assert run.stdout == b""
