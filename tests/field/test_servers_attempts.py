"""Second attempts where nothing was run, and turns as every server takes them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, Asked, chat_chunks, raw, serving, stream, whole
from tests.field.lab import LAB_USD, ask, own_models, project, refused, sidecar, vendor_environment

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")
WHOLE = whole(
    {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Good morning"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
)


def refusal(message: str, **more: Any) -> Answer:
    return whole({"error": {"message": message, "type": "invalid_request_error", **more}}, status=400)


def streams_refused(asked: Asked) -> Answer:
    if asked.json.get("stream"):
        told = "Your organization must be verified to stream this model."
        return refusal(told, param="stream", code="unsupported_value")
    return WHOLE


@field("servers", 'OpenAI answers 400 with `param: "stream"`')
async def test_openai_that_refuses_to_stream_is_asked_for_a_whole_answer_and_the_next_time_at_once(
    tmp_path: Path,
) -> None:
    async with serving(streams_refused) as server:
        environment = vendor_environment(server.url, "openai")
        async with sidecar(tmp_path, environment=environment) as process:
            for _ in range(2):
                assert (await ask(process, model="openai/gpt-6-sol"))["answer"] == "Good morning"
    assert [asked.json.get("stream") for asked in server.asked] == [True, False, False]


@field("servers", "a compatible server says the same")
async def test_a_server_that_refuses_to_stream_is_asked_for_a_whole_answer(tmp_path: Path) -> None:
    async with (
        serving(streams_refused) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        answer = await ask(process)
    assert (answer["answer"], answer["costUSD"]) == ("Good morning", pytest.approx(LAB_USD))


@field("servers", "OpenAI answers 400 to a schema whose `pattern` has a lookaround")
async def test_a_pattern_that_looks_around_is_held_against_the_reply_here(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"word": {"type": "string", "pattern": "^(?=.*[0-9]).+$"}},
        "required": ["word"],
        "additionalProperties": False,
    }

    def answer(asked: Asked) -> Answer:
        if "(?=" in json.dumps(asked.json["response_format"]):
            return refusal(
                "Invalid schema: 'pattern': regex lookaround is not supported.", param="response_format"
            )
        word = "good1" if len(server.asked) == 1 else "good"
        return stream(*chat_chunks(json.dumps({"word": word})), "[DONE]")

    async with serving(answer) as server:
        environment = vendor_environment(server.url, "openai")
        async with sidecar(tmp_path, environment=environment) as process:
            options = {"jsonMode": True, "jsonSchema": schema}
            good = await ask(process, model="openai/gpt-6-sol", options=options)
            assert good["json"] == {"word": "good1"}
            error = await refused(process, model="openai/gpt-6-sol", options=options)
    assert error.data["kind"] == "invalid_output"
    assert server.asked[0].json["response_format"]["json_schema"]["strict"] is True


@field("servers", "OpenAI, a schema with `oneOf` told apart by a `discriminator`")
@field("servers", "OpenAI, `description` beside a `$ref`")
async def test_a_union_with_a_discriminator_goes_out_enforced_with_its_descriptions(tmp_path: Path) -> None:
    def kind(name: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"kind": {"const": name}, "legs": {"type": "integer"}},
            "required": ["kind", "legs"],
        }

    schema = {
        "type": "object",
        "properties": {
            "pet": {
                "oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}],
                "discriminator": {"propertyName": "kind"},
            },
            "friend": {"$ref": "#/$defs/cat", "description": "Whom the pet plays with."},
        },
        "required": ["pet", "friend"],
        "$defs": {"cat": kind("cat"), "dog": kind("dog")},
    }
    reply = {"pet": {"kind": "dog", "legs": 4}, "friend": {"kind": "cat", "legs": 4}}
    async with serving(stream(*chat_chunks(json.dumps(reply)), "[DONE]")) as server:
        environment = vendor_environment(server.url, "openai")
        async with sidecar(tmp_path, environment=environment) as process:
            options = {"jsonMode": True, "jsonSchema": schema}
            assert (await ask(process, model="openai/gpt-6-sol", options=options))["json"] == reply
    form = server.asked[0].json["response_format"]["json_schema"]
    assert form["strict"] is True
    assert "Whom the pet plays with." in json.dumps(form["schema"])
    assert "oneOf" not in json.dumps(form["schema"])


def strict_about_turns(status: int) -> Any:
    def answer(asked: Asked) -> Answer:
        roles = [turn["role"] for turn in asked.json["messages"] if turn["role"] != "system"]
        if "fail" in asked.json["messages"][-1]["content"].split("\n")[-1]:
            return whole({"error": {"message": "out of memory"}}, status=400)
        if any(one == other for one, other in pairwise(roles)):
            return whole(
                {"error": {"message": "Conversation roles must alternate user/assistant"}}, status=status
            )
        return GOOD

    return answer


async def thread(process: Any) -> str:
    made = await process.call("conversation:create", {"projectId": await project(process), "name": "Field"})
    return str(made["id"])


@field("servers", "a model whose server answers 400 to two neighbours of one role")
async def test_questions_after_one_that_failed_are_answered_where_roles_must_alternate(
    tmp_path: Path,
) -> None:
    async with (
        serving(strict_about_turns(400)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        conversation = await thread(process)
        await refused(process, "Please fail", conversationId=conversation)
        for question in ("First?", "Second?"):
            answer = await ask(process, question, conversationId=conversation)
            assert answer["answer"] == "Good morning"
    told = server.asked[-1].json["messages"]
    assert "Please fail" in told[0]["content"]


@field("servers", "the same model joins a conversation that another model answered so far")
@field("servers", "the same, but the server says 500 for it")
@pytest.mark.parametrize("status", [400, 500])
async def test_a_second_model_that_joins_a_conversation_sees_both_questions(
    status: int, tmp_path: Path
) -> None:
    async with serving(strict_about_turns(status)) as server:
        models = own_models(server.url)
        models["models"].append({**models["models"][0], "id": "n", "name": "N"})
        async with sidecar(tmp_path, models=models) as process:
            conversation = await thread(process)
            await ask(process, "The first question", conversationId=conversation)
            joined = await ask(process, "The second one", "lab/n", conversationId=conversation)
            assert joined["answer"] == "Good morning"
    assert len(server.asked) <= 3
    told = json.dumps(server.asked[-1].json["messages"])
    assert "The first question" in told
    assert "The second one" in told


@field("servers", "a model whose server answers 400 to a system (or developer) message")
@pytest.mark.parametrize(
    "words",
    [
        "System role not supported",
        "Developer instruction is not enabled",
        "Only user and assistant roles are supported!",
    ],
)
async def test_instructions_reach_a_model_that_knows_no_role_for_them(words: str, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        roles = {turn["role"] for turn in asked.json["messages"]}
        return refusal(words) if roles - {"user", "assistant"} else GOOD

    async with (
        serving(answer) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        options = {"systemPrompt": "Speak like a pirate."}
        for _ in range(2):
            assert (await ask(process, options=options))["answer"] == "Good morning"
    assert len(server.asked) == 3
    assert server.asked[-1].json["messages"][0]["content"].startswith("Speak like a pirate.")


@pytest.mark.parametrize("status", [524, 504])
async def test_a_question_that_a_gateway_gave_up_waiting_for_is_not_asked_and_paid_again(
    tmp_path: Path, status: int
) -> None:
    page = b"<html><head><title>Gateway time-out</title></head><body>The server took too long.</body></html>"
    head = f"HTTP/1.1 {status} Time-out\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
    async with (
        serving(raw(head.encode() + page)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        error = await refused(process)
        stats = await process.call("activity:stats", {})
    assert len(server.asked) == 1
    assert (error.data["kind"], "charged all the same" in str(error)) == ("timeout", True)
    assert "costAtMostUSD" in error.data or stats["uncertainCalls"] == 1
