"""Refusals in the shapes of other servers, and answers over HTTP that is not as it should be."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import (
    USAGE,
    Answer,
    Asked,
    Switch,
    chat_chunk,
    chat_chunks,
    event,
    head,
    raw,
    serving,
    stream,
    whole,
)
from tests.field.lab import KEY, LAB_USD, ask, own_models, refused, sidecar

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
BODY = b"".join(event(each) for each in chat_chunks("Good morning"))
ANSWER = {
    "id": "c1",
    "choices": [{"message": {"content": "Good morning"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
SSE = "text/event-stream"

# What a 200 says: the kind of the error, and the words that are repeated.
REFUSALS: tuple[tuple[Any, str, str], ...] = (
    ({"error": "insufficient balance"}, "rate_limited", "insufficient balance"),
    ({"code": 1301, "msg": "sensitive content"}, "content_filtered", "sensitive content"),
    (
        {"success": False, "errors": [{"code": 7003, "message": "No such model"}]},
        "provider_rejected",
        "No such model",
    ),
    ({"Error": {"Code": "InvalidParameter", "Message": "bad thing"}}, "provider_rejected", "bad thing"),
    ({"message": "The security token is invalid."}, "invalid_api_key", "security token"),
    ({"detail": "Not authenticated"}, "invalid_api_key", "Not authenticated"),
    (
        {"object": "error", "message": "maximum context length is 9", "code": 400},
        "context_length_exceeded",
        "longer",
    ),
    (
        {"type": "about:blank", "title": "Bad", "status": 400, "detail": "Too bad"},
        "provider_rejected",
        "Too bad",
    ),
    (
        {"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "x"}}},
        "invalid_api_key",
        "Invalid ApiKey",
    ),
    (
        {"code": 40001, "data": {"error": {"message": "Unsupported value"}}},
        "provider_rejected",
        "Unsupported value",
    ),
    (
        {
            "error": {
                "code": 400,
                "message": "Provider returned error",
                "metadata": {"raw": '{"error": {"message": "Said upstream"}}', "provider_name": "X"},
            }
        },
        "provider_rejected",
        "Provider returned error: Said upstream",
    ),
    (
        {"error": {"code": 400, "message": '{"error": {"message": "Said inside"}}'}},
        "provider_rejected",
        "says: Said inside",
    ),
    ({"ret_code": "40001", "ret_msg": "No permission"}, "invalid_api_key", "No permission"),
    (
        {"header": {"code": 10013, "message": "inappropriate content"}},
        "content_filtered",
        "inappropriate content",
    ),
)
# What an answer may carry beside itself and is no error.
NO_ERRORS: tuple[dict[str, Any], ...] = (
    {"error": None},
    {"error": False},
    {"error": {}},
    {"error": ""},
    {"code": 0, "message": "ok"},
    {"code": 200, "message": "success"},
    {"base_resp": {"status_code": 0, "status_msg": ""}},
    {"success": True, "errors": [], "messages": []},
)


def framed(body: bytes) -> bytes:
    return b"%x\r\n" % len(body) + body + b"\r\n"


def status_line(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([line, b"content-type: text/event-stream", *headers]) + b"\r\n\r\n"


CHUNKED = status_line(b"HTTP/1.1 200 OK", b"transfer-encoding: chunked")
ODD_HTTP: dict[str, Answer] = {
    "HTTP/1.0": raw(status_line(b"HTTP/1.0 200 OK"), BODY),
    "no reason": raw(status_line(b"HTTP/1.1 200", b"connection: close"), BODY),
    "bare line feeds": raw(b"HTTP/1.1 200 OK\ncontent-type: text/event-stream\nconnection: close\n\n", BODY),
    "early hints": raw(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", head(200, None, SSE), BODY),
    "a head of many letters": raw(head(200, {"content-security-policy": "a" * 20_000}, SSE), BODY),
    "a cookie": raw(head(200, {"set-cookie": "a=b; path=/"}, SSE), BODY),
    "less than was promised": raw(head(200, {"content-length": "999999"}, SSE), BODY),
    "no last chunk": raw(CHUNKED, framed(BODY)),
    "no last chunk behind the mark": raw(CHUNKED, framed(BODY + b"data: [DONE]\n\n")),
    "a header of an encoding that was taken off": raw(
        head(200, {"content-encoding": "gzip"}), json.dumps(ANSWER).encode()
    ),
    "a charset where the encoding should be": raw(head(200, {"content-encoding": "UTF-8"}, SSE), BODY),
    "packed, and not a word of it": raw(head(200, None, SSE), gzip.compress(BODY)),
}


async def test_a_refusal_in_a_200_is_told_in_whatever_shape_it_comes(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server:
        models = own_models(server.url, keyName="LAB_KEY")
        async with sidecar(tmp_path, models=models, environment={"LAB_KEY": KEY}) as process:
            for body, kind, words in REFUSALS:
                switch.say(whole(body))
                error = await refused(process)
                assert error.data["kind"] == kind, body
                assert words in error.message, body
                assert "may have charged" not in error.message, body
                assert len(switch.asked) == 1, body
            for beside in NO_ERRORS:
                switch.say(whole({**ANSWER, **beside}))
                assert (await ask(process))["answer"] == "Good morning", beside


async def test_the_last_words_of_a_server_are_repeated(tmp_path: Path) -> None:
    half = event(chat_chunk({"content": "Half an"}))
    cases = {
        "no healthy upstream": raw(head(200, None, "text/plain"), b"no healthy upstream"),
        "Internal Server Error": raw(head(200, None, SSE), half, b"Internal Server Error"),
        "llama runner died": raw(
            head(200, None, SSE), half, b'error: {"message": "llama runner died", "code": 500}\n\n'
        ),
        "said in XML": raw(
            head(400, None, "application/xml"),
            b"<?xml version='1.0'?><Error><Code>X</Code><Message>said in XML</Message></Error>",
        ),
        "bad gzip": raw(
            head(400, {"content-encoding": "gzip"}), gzip.compress(b'{"error": {"message": "bad gzip"}}')
        ),
    }
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for words, answer in cases.items():
            switch.say(answer)
            assert words in (await refused(process)).message
        for page in (b"<div>Please sign in</div>", "<!DOCTYPE html><p>Sign in</p>".encode("utf-16")):
            switch.say(whole(page))
            assert "web page" in (await refused(process)).message


async def test_an_answer_is_read_over_http_that_is_not_as_it_should_be(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for name, answer in ODD_HTTP.items():
            switch.say(answer)
            found = await ask(process)
            assert found["answer"] == "Good morning", name
            assert found["costUSD"] == pytest.approx(LAB_USD), name
            assert "cookie" not in switch.asked[0].headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_key_follows_to_no_other_host_and_to_the_same_one_it_does(
    status: int, tmp_path: Path
) -> None:
    def moved(asked: Asked) -> Answer:
        return (
            GOOD
            if asked.path.startswith("/api")
            else raw(head(status, {"location": "/api/v1/chat/completions?x=1"}))
        )

    async with serving(GOOD) as other, serving(moved) as server:
        away = raw(head(status, {"location": f"{other.url}/v1/chat/completions?secret=1"}))
        async with serving(away) as leaving:
            models = own_models(server.url, keyName="LAB_KEY")
            models["providers"]["away"] = {**models["providers"]["lab"], "baseUrl": leaving.url + "/v1"}
            models["models"].append({**models["models"][0], "provider": "away"})
            async with sidecar(tmp_path, models=models, environment={"LAB_KEY": KEY}) as process:
                assert (await ask(process))["answer"] == "Good morning"
                message = (await refused(process, model="away/m")).message
    assert [asked.method for asked in server.asked] == ["POST", "POST"]
    assert server.asked[1].headers["authorization"] == f"Bearer {KEY}"
    assert server.asked[1].json == server.asked[0].json
    assert other.asked == []
    assert f"{other.url}/v1/chat/completions" in message
    assert "secret" not in message


async def test_an_address_that_speaks_something_else_is_said_to(tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, serving(raw(b"SSH-2.0-OpenSSH_9\r\n")) as ssh:
        models = own_models(ssh.url)
        models["providers"]["tls"] = {**models["providers"]["lab"], "baseUrl": f"https://127.0.0.1:{port}"}
        models["models"].append({**models["models"][0], "provider": "tls"})
        async with sidecar(tmp_path, models=models) as process:
            assert "no web server" in (await refused(process)).message
            message = (await refused(process, model="tls/m")).message
    assert "does not speak https://" in message
    assert "internet connection" not in message
