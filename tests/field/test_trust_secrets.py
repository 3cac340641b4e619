"""No key and no password gets out, by whatever way a vendor, a gateway or a mistake brings it back."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from tests.field import sweep, taint
from tests.field.claims import field
from tests.field.hostile import (
    Answer,
    chat_chunk,
    chat_chunks,
    head,
    raw,
    serving,
    stream,
    whole,
)
from tests.field.lab import MODEL, ask, batch_rows, own_models, refused, sidecar, vendor_environment
from tests.helpers.process import RpcError
from tests.helpers.terminal import run

# Like no vendor's: nothing but knowing it can hide it. It has what percent and base64 write in other ways.
KEY = "k7f3Qz9+LmW2p/Xr8TnB5vYc1HdJ4sGa6=="
PASSWORD = "Wq8-vLr3.Tz6yNb1Kd"
DEBUG = ("--log-level", "debug")
GEMINI = "gemini/gemini-2.5-flash"
LAB = {"LAB_API_KEY": KEY}
CLAUDE = "anthropic/claude-sonnet-5"


def in_pieces(key: str) -> str:
    return f"{key[:20]}\n{key[20:]}"


def an_error(words: str, status: int = 400, **headers: str) -> Answer:
    body = {"error": {"message": words, "type": "invalid_request_error", "code": "odd"}}
    return whole(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def gemini_error(words: str) -> Answer:
    return whole({"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}, 400)


ERRORS: dict[str, Callable[[], Answer]] = {
    "as it is": lambda: an_error(f"You said {KEY}."),
    "cut by the limit": lambda: an_error("x" * 480 + KEY),
    "in percent": lambda: an_error(f"key={quote(KEY, safe='')} is wrong"),
    "in base64": lambda: an_error(base64.b64encode(f"Bearer {KEY}".encode()).decode()),
    "in base64 for addresses": lambda: an_error(base64.urlsafe_b64encode(KEY.encode()).decode()),
    "in hex": lambda: an_error(KEY.encode().hex().upper()),
    "with a line break": lambda: an_error(in_pieces(KEY)),
    "as a code": lambda: whole({"error": {"message": "no", "type": KEY, "code": KEY, "param": KEY}}, 400),
    "as text": lambda: whole(f"Forbidden: {KEY}", 403),
    "twice escaped": lambda: whole({"error": {"message": json.dumps({"inner": json.dumps(KEY)})}}, 400),
    "half of it": lambda: an_error(KEY[:20] + "..."),
    "as the request's id": lambda: an_error("no", 400, x_request_id=KEY),
    "as the end of its id": lambda: an_error("no", 400, request_id=f"req-{KEY[10:]}"),
    "as the other end's address": lambda: whole("", 302, {"location": f"http://{KEY}/"}),
}


@field("trust", "the key as `x-request-id` of an error")
@field("trust", "the key in percent")
@field("trust", "Stays as it is: a short error that quotes the key")
@pytest.mark.parametrize("way", ERRORS)
async def test_no_error_brings_the_key_back(way: str, tmp_path: Path) -> None:
    async with (
        serving(ERRORS[way]()) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), environment=LAB) as process,
    ):
        error = await refused(process, conversationId="c")
        rows = await batch_rows(process, {"prompt": "Why?", "model": MODEL})
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert error.message
        assert rows[0]["error"]
        await sweep.check_everywhere(process, tmp_path, KEY)


async def test_a_list_of_models_and_a_key_that_is_tried_bring_no_key_back(tmp_path: Path) -> None:
    named = {"object": "list", "data": [{"id": KEY, "name": KEY}, {"id": "m"}], "note": KEY}
    async with (
        serving(whole(named), an_error(f"You said {KEY}.", 401)) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), environment=LAB) as process,
    ):
        await process.call("models:discover", {"provider": "lab"})
        with pytest.raises(RpcError, match="You said"):
            await process.call("models:discover", {"provider": "lab"})
        await sweep.check_everywhere(process, tmp_path, KEY)


@field("trust", "Gemini's error is 480 letters and then the key")
async def test_a_vendor_s_error_that_is_cut_in_the_middle_of_the_key_brings_none_of_it(
    tmp_path: Path,
) -> None:
    recording = tmp_path / "recording.jsonl"
    async with serving(gemini_error("x" * 480 + KEY)) as server:
        environment = vendor_environment(server.url, "gemini", key=KEY)
        async with sidecar(tmp_path, *DEBUG, "--record", str(recording), environment=environment) as process:
            assert "xxx" in (await refused(process, model=GEMINI)).message
            await batch_rows(process, {"prompt": "Why?", "model": GEMINI})
            await sweep.check_everywhere(process, tmp_path, KEY)
    assert b"xxx" in recording.read_bytes()


def named(**members: Any) -> Answer:
    """A whole answer, each of whose pieces has these members too."""
    return stream(*({**chunk, **members} for chunk in chat_chunks("Good morning")), "[DONE]")


def with_annotations() -> Answer:
    cited = {"type": "url_citation", "url_citation": {"url": f"https://a.example/?q={KEY}", "title": KEY}}
    first = chat_chunk({"content": "Good morning", "annotations": [cited]})
    return stream(first, *chat_chunks(""), "[DONE]")


ANSWERS: dict[str, Callable[[], Answer]] = {
    "as the model": lambda: named(model=KEY),
    "in the model's name": lambda: named(model=f"m/{quote(KEY, safe='')}"),
    "as the answer's id": lambda: named(id=KEY),
    "as the service tier": lambda: named(service_tier=KEY, system_fingerprint=KEY),
    "as the finish reason": lambda: stream(chat_chunk({"content": "Good morning"}, KEY), "[DONE]"),
    "in citations": with_annotations,
    "beside the usage": lambda: stream(
        *chat_chunks("Good morning", usage={"prompt_tokens": 1, "completion_tokens": 1, KEY: KEY}), "[DONE]"
    ),
    "in an error inside the stream": lambda: stream(
        chat_chunk({"content": "Good"}), {"error": {"message": f"broken: {KEY}", "code": KEY}}
    ),
}


@field("trust", "the key as the model's name in the answer")
@pytest.mark.parametrize("way", ANSWERS)
async def test_nothing_that_comes_with_an_answer_brings_the_key_back(way: str, tmp_path: Path) -> None:
    async with (
        serving(ANSWERS[way]()) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), environment=LAB) as process,
    ):
        if "inside the stream" in way:
            assert "broken" in str(await refused(process))
        else:
            assert (await ask(process, conversationId="c"))["answer"] == "Good morning"
        await batch_rows(process, {"prompt": "Why?", "model": MODEL})
        answered = await sweep.check_everywhere(process, tmp_path, KEY)
        assert answered >= sweep.OF_AN_ANSWER or "inside the stream" in way


async def test_a_tool_that_a_model_asks_for_by_the_key_is_told_without_it(tmp_path: Path) -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": KEY, "arguments": "{}"}}
    wanted = stream(chat_chunk({"tool_calls": [call]}, "tool_calls"), "[DONE]")
    async with (
        serving(wanted) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), environment=LAB) as process,
    ):
        assert "asked to use a tool" in " ".join((await ask(process, conversationId="c"))["notes"])
        await batch_rows(process, {"prompt": "Why?", "model": MODEL})
        await sweep.check_everywhere(process, tmp_path, KEY)


CHUNKED = {"transfer-encoding": "chunked"}
BROKEN: dict[str, Callable[[], Answer]] = {
    "as the size of a chunk": lambda: raw(
        head(200, CHUNKED, "text/event-stream"), KEY.encode() + b"\r\ndata: 1\r\n"
    ),
    "as the status line": lambda: raw(f"{KEY} 200 OK\r\n\r\n".encode()),
    "as the status": lambda: raw(f"HTTP/1.1 {KEY} OK\r\n\r\n".encode()),
    "as a header without a value": lambda: raw(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
    "as the length": lambda: raw(f"HTTP/1.1 200 OK\r\ncontent-length: {KEY}\r\n\r\n".encode()),
    "as the encoding": lambda: raw(f"HTTP/1.1 200 OK\r\ncontent-encoding: {KEY}\r\n\r\nx".encode()),
    "as the body": lambda: raw(head(200), KEY.encode()),
}


@field("trust", "the key where the size of a chunk should be")
@pytest.mark.parametrize("way", BROKEN)
async def test_no_broken_answer_brings_the_key_back(way: str, tmp_path: Path) -> None:
    async with (
        serving(BROKEN[way]()) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), environment=LAB) as process,
    ):
        assert (await refused(process)).data["kind"] == "provider_unavailable"
        await batch_rows(process, {"prompt": "Why?", "model": MODEL})
        await sweep.check_everywhere(process, tmp_path, KEY)


async def test_a_key_that_was_never_sent_here_is_hidden_too(tmp_path: Path) -> None:
    async with serving(an_error(f"I know your other key, {KEY}.")) as server:
        environment = {"ANTHROPIC_API_KEY": KEY, "LAB_API_KEY": "another-key-altogether"}
        async with sidecar(
            tmp_path, *DEBUG, models=own_models(server.url), environment=environment
        ) as process:
            assert "other key" in (await refused(process)).message
            await sweep.check_everywhere(process, tmp_path, KEY)


async def test_a_saved_key_comes_back_by_no_way(tmp_path: Path) -> None:
    async with serving(an_error(f"You said {in_pieces(KEY)}.", 401)) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url}
        async with sidecar(
            tmp_path, *DEBUG, "--record", str(tmp_path / "recording.jsonl"), environment=environment
        ) as process:
            saving = {"key": "apiKey", "provider": "anthropic", "value": KEY}
            await process.call("settings:save", saving)
            asking = {"provider": "anthropic", "key": KEY}
            assert (await process.call("settings:validate-key", asking))["valid"] is False
            assert "You said" in (await refused(process, model=CLAUDE)).message
            assert server.asked[0].headers["x-api-key"] == KEY
            await sweep.check_everywhere(process, tmp_path, KEY)


@field("trust", "`http://ada:PASSWORD@127.0.0.1:99999/v1` as a base URL")
@field("trust", "`models.json` has a base URL with a password, `serve --record`")
@pytest.mark.parametrize("port", ["{}", "99999", "x"])
async def test_the_password_of_a_base_url_is_in_no_error_and_no_recording(port: str, tmp_path: Path) -> None:
    recording = tmp_path / "recording.jsonl"
    data = tmp_path / "data"
    async with serving(an_error(f"ada:{PASSWORD} is refused", 401)) as server:
        address = f"http://ada:{PASSWORD}@127.0.0.1:{port.format(server.port)}"
        async with sidecar(data, *DEBUG, "--record", str(recording), models=own_models(address)) as process:
            with pytest.raises(RpcError):
                await ask(process)
            taint.check(process, data / "nothing", PASSWORD)
            process.close_stdin()
            await process.wait()
            taint.check(process, data / "nothing", PASSWORD)
    assert taint.leaks(recording.read_bytes(), PASSWORD) == []
    assert recording.stat().st_mode & 0o777 == 0o600


async def test_the_password_of_a_proxy_is_in_no_error(tmp_path: Path) -> None:
    async with serving(an_error(f"ada:{PASSWORD} is not let through", 403)) as server:
        environment = {**LAB, "HTTP_PROXY": f"http://ada:{PASSWORD}@127.0.0.1:{server.port}"}
        models = own_models("http://lab.example:8000", allowHttp=True)
        async with sidecar(tmp_path, *DEBUG, models=models, environment=environment) as process:
            assert "not let through" in (await refused(process)).message
            await sweep.check_everywhere(process, tmp_path, PASSWORD)


@pytest.mark.parametrize("name", ["key", "api-key", "access_token"])
async def test_a_key_in_the_query_of_a_base_url_comes_back_by_no_way(name: str, tmp_path: Path) -> None:
    data, recording = tmp_path / "data", tmp_path / "recording.jsonl"
    written = quote(KEY, safe="")
    async with serving(an_error(f"Refused: {KEY}, or {written}, or {in_pieces(KEY)}")) as server:
        models = own_models(server.url, path=f"/v1?{name}={written}")
        async with sidecar(data, *DEBUG, "--record", str(recording), models=models) as process:
            assert "Refused" in (await refused(process)).message
            assert KEY in unquote(server.asked[0].target)
            await batch_rows(process, {"prompt": "Why?", "model": MODEL})
            (data / "models.json").unlink()
            await sweep.check_everywhere(process, data, KEY)
            process.close_stdin()
            await process.wait()
    assert taint.leaks(recording.read_bytes(), KEY) == []


async def test_no_command_in_a_terminal_shows_the_key(tmp_path: Path) -> None:
    data, prompts = tmp_path / "data", tmp_path / "prompts.csv"
    data.mkdir()
    prompts.write_text(f"prompt,model\nWhy?,{MODEL}\nWhy not?,{MODEL}\n")
    async with serving(an_error(f"You said {KEY}."), an_error(in_pieces(KEY)), named(model=KEY)) as server:
        (data / "models.json").write_text(json.dumps(own_models(server.url)))

        async def abai(*arguments: str) -> str:
            command = (sys.executable, "-m", "sidecar.cli", "--data-dir", str(data), *arguments)
            _, out, err = await run(*command, env=LAB)
            assert taint.leaks(f"{out}{err}".encode(), KEY) == []
            return out + err

        assert "You said" in await abai("ask", "Why?", "-m", MODEL)
        await abai("run", str(prompts), "--yes")
        jobs = json.loads(await abai("jobs", "--json"))
        job_id = jobs[0]["id"]
        assert server.asked
        await abai("show", job_id, "--json")
        await abai("explain", job_id)
        await abai("export", job_id, str(tmp_path / "results.csv"))
        await abai("report", job_id, "-o", str(tmp_path / "report.html"))
        await abai("doctor")
        await abai("keys", "list")
    assert taint.folder_leaks(tmp_path, KEY) == {}
