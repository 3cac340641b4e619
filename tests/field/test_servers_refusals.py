"""A refusal is what was said, whatever status it came with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, chat_chunk, chat_chunks, head, raw, serving, stream, whole
from tests.field.lab import (
    LAB_USD,
    Lab,
    ask,
    batch_rows,
    conversation,
    messages,
    refused,
    sidecar,
    vendor_environment,
)
from tests.helpers.process import RpcError

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
SAID_NO = {"message": "Upstream said no", "code": 400}
PAGE = "<!DOCTYPE html>\n<html><title>Log in</title></html>"
OPENAI = "openai/gpt-6-sol"


async def error_of(answer: Answer, lab: Lab) -> RpcError:
    """What the person is told of this answer of their own server."""
    with pytest.raises(RpcError) as caught:
        await lab.answered(answer)
    return caught.value


def in_choice(error: dict[str, Any], **place: Any) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": 0, "finish_reason": "error", "error": error, **place}]}


@field("servers", 'a choice with `finish_reason: "error"`')
@pytest.mark.parametrize(
    "answer",
    [
        stream(in_choice(SAID_NO, delta={"content": ""}), "[DONE]"),
        stream(chat_chunk({"role": "assistant", "content": ""}), in_choice(SAID_NO, delta={}), "[DONE]"),
        whole(in_choice(SAID_NO, message={"content": None})),
        stream({"error": SAID_NO}),
        stream({"error": "Upstream said no", "code": 400}),
        stream({"code": 400, "msg": "Upstream said no"}),
        stream({"choices": [], "detail": "Upstream said no", "status": 400}),
        whole({"success": False, "error_code": 400, "error_msg": "Upstream said no"}),
        whole({"object": "error", "message": "Upstream said no", "code": 400}),
        raw(
            head(content_type="text/event-stream"),
            b'{"error": {"message": "Upstream said no", "code": 400}}\n',
        ),
    ],
)
async def test_an_error_inside_a_200_is_told_in_the_servers_words(answer: Answer, lab: Lab) -> None:
    error = await error_of(answer, lab)
    assert "Upstream said no" in error.message
    assert "charge" not in error.message


@field("servers", "`choices: null` and `base_resp:")
async def test_an_envelope_of_the_vendors_own_is_read(lab: Lab) -> None:
    body = {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}
    error = await error_of(whole(body), lab)
    assert "insufficient balance" in error.message
    assert "may have charged" not in error.message


@field("servers", "a web page → an error that says that a page came")
@pytest.mark.parametrize("status", [200, 401, 403, 404])
async def test_a_web_page_is_named_as_one(status: int, lab: Lab) -> None:
    error = await error_of(whole(PAGE, status), lab)
    assert "web page" in error.message
    assert "base URL" in error.message
    assert "charge" not in error.message


@field("servers", "half an answer, then a bare line")
@field("servers", "Stay as they are: `event: error` with")
@pytest.mark.parametrize(
    "broken",
    [
        b'{"error": "the model runner stopped"}\n',
        b'{"error": "the model runner stopped"}\n\ndata: [DONE]\n\n',
        b'{\n  "error": {\n    "message": "the model runner stopped"\n  }\n}\n',
        b'event: error\ndata: {"message": "the model runner stopped", "code": 500}\n\n',
        b"event: error\ndata: the model runner stopped\n\n",
    ],
)
async def test_half_an_answer_is_kept_and_the_error_behind_it_is_told(broken: bytes, lab: Lab) -> None:
    talk = await conversation(lab.process)
    lab.switch.say(stream(chat_chunk({"content": "Half"}), broken))
    error = await refused(lab.process, conversationId=talk)
    kept = await messages(lab.process, talk)
    assert "the model runner stopped" in error.message
    assert kept[-1]["content"] == "Half"


@field("servers", "a batch row that ends with the first of these")
async def test_a_row_that_was_refused_inside_a_200_has_failed(lab: Lab) -> None:
    answer = stream(in_choice(SAID_NO, delta={"content": ""}), "[DONE]")
    row = {"prompt": "Why?", "model": "lab/m"}
    lab.switch.say(answer)
    (found,) = await batch_rows(lab.process, row)
    assert found["status"].startswith("error")
    assert "Upstream said no" in json.dumps(found)


@field("servers", 'the first event of a 200 is `{"error": {"message", "code": 429}}`')
@pytest.mark.parametrize("code", [429, "429", "rate_limit_exceeded", 503])
async def test_a_first_event_that_refuses_for_now_is_asked_again(code: Any, lab: Lab) -> None:
    busy = stream({"error": {"message": "Busy", "code": code}})
    lab.switch.say(busy, GOOD)
    found = await ask(lab.process)
    assert len(lab.switch.asked) == 2
    assert found["answer"] == "Good morning"
    assert found["costUSD"] == pytest.approx(LAB_USD)


@field("servers", "OpenAI's Responses: `response.failed` with `rate_limit_exceeded`")
@pytest.mark.parametrize("begun", [False, True])
async def test_a_response_that_failed_at_once_is_asked_again(begun: bool, tmp_path: Path) -> None:
    error = {"code": "rate_limit_exceeded", "message": "Slow down."}
    failed = {"id": "r1", "object": "response", "status": "failed", "error": error}
    output = [{"type": "message", "content": [{"type": "output_text", "text": "Good morning"}]}]
    usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    good = {"id": "r2", "object": "response", "status": "completed", "output": output, "usage": usage}
    created = [{"type": "response.created", "response": {"id": "r1"}}] if begun else []
    scripts = (
        stream(*created, {"type": "response.failed", "response": failed}),
        stream({"type": "response.completed", "response": good}),
    )
    async with (
        serving(*scripts) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        found = await ask(process, model=OPENAI, options={"enableWebSearch": True})
        assert len(server.asked) == 2
    assert found["answer"] == "Good morning"


@field("servers", "OpenAI, 403 with a web page")
async def test_a_web_page_does_not_refuse_the_key_of_a_vendor(tmp_path: Path) -> None:
    async with (
        serving(whole(PAGE, 403)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        error = await refused(process, model=OPENAI)
        told = await process.call("settings:load", {})
    assert "refused the API key" not in error.message
    assert error.data["kind"] == "provider_rejected"
    assert told is not None


@field("servers", "a server without keys, 403 `Your input was flagged`")
@pytest.mark.parametrize(
    "words",
    [
        "Your input was flagged",
        "This country, region, or territory is not supported",
        "Blocked by moderation",
    ],
)
async def test_a_403_that_is_not_about_a_key_says_what_it_is_about(words: str, lab: Lab) -> None:
    error = await error_of(whole({"error": {"message": words}}, 403), lab)
    assert words in error.message
    assert "key" not in error.message.lower()


@pytest.mark.parametrize("words", ["Invalid API key", "You must provide an API key"])
async def test_a_server_that_asks_for_a_key_misses_one(words: str, lab: Lab) -> None:
    error = await error_of(whole({"error": {"message": words}}, 403), lab)
    assert error.data["kind"] == "missing_api_key"


@field("servers", "400 of type `exceed_context_size_error`")
@pytest.mark.parametrize(
    "error",
    [
        {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds", "n_ctx": 4096},
        {"code": 400, "message": "the request exceeds the available context size, try increasing it"},
        {"code": "context_length_exceeded", "message": "no"},
    ],
)
@pytest.mark.parametrize("status", [400, 200])
async def test_a_conversation_that_is_too_long_is_said_to_be(
    status: int, error: dict[str, Any], lab: Lab
) -> None:
    found = await error_of(whole({"error": error}, status), lab)
    assert found.data["kind"] == "context_length_exceeded"


@field("servers", "402 `not enough credits for that many max_tokens")
async def test_a_hint_of_what_can_be_paid_is_passed_on(lab: Lab) -> None:
    words = "not enough credits for that many max_tokens: 8192 asked, 2000 affordable"
    assert "2000" in (await error_of(whole({"error": {"message": words}}, 402), lab)).message
