"""What the existing renderer does, in its own order and with its own odd ids."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.inside import Inside, inside

MODELS = ("openai/gpt-6.1-sol", "openai/gpt-4o", "gpt-6-luna")


async def side_by_side(app: Inside, conversation: str, content: str) -> list[Any]:
    """One question to three models as three requests at once; the answers in the order asked."""
    for number, model in enumerate(MODELS):
        params = {"conversationId": conversation, "content": content, "modelId": model}
        app.send({"jsonrpc": "2.0", "id": number, "method": "chat:send", "params": params})
    answers: dict[int, Any] = {}
    async with asyncio.timeout(60):
        while len(answers) < len(MODELS):
            answer = await app.next_message()
            answers[answer["id"]] = answer
    return [answers[number]["result"] for number in range(len(MODELS))]


async def test_loading_the_page_asks_for_projects_and_then_for_models(app: Inside) -> None:
    assert (await app.ask("project:list"))["result"] == []
    models = (await app.ask("models:get-all"))["result"]
    for model in models:
        assert "/" not in model["id"] or model["id"].startswith("models/")
        assert {"prompt", "completion"} <= model["pricing"].keys()


@pytest.mark.parametrize("name", ["models:get-all", "models:load", "data:load-pricing"])
async def test_the_older_names_give_the_same_models(app: Inside, name: str) -> None:
    assert len((await app.ask(name, {"includeAliases": True}))["result"]) > 100


async def test_each_model_is_listed_once_with_the_names_that_older_pages_send(app: Inside) -> None:
    models = (await app.ask("models:get-all"))["result"]
    assert {model["id"] for model in models if "aliasOf" in model} == {
        "models/gemini-2.5-pro-thinking",
        "models/gemini-2.5-flash-preview",
        "claude-4-sonnet",
        "claude-4-opus",
        "claude-sonnet-4",
        "o3-2025-04-16",
    }


async def test_a_name_under_which_something_was_paid_is_a_row_from_then_on(app: Inside) -> None:
    name = "gpt-4o-2024-08-06"
    assert name not in {model["id"] for model in (await app.ask("models:get-all"))["result"]}
    await app.ask("chat:send", {"content": "Hello", "modelId": f"openai/{name}"})
    models = (await app.ask("models:get-all"))["result"]
    assert [model["aliasOf"] for model in models if model["id"] == name] == ["gpt-4o"]


async def test_a_name_that_rows_of_a_batch_are_to_ask_is_a_row_before_the_batch_is_started(
    tmp_path: Path,
) -> None:
    name = "gpt-4o-2024-08-06"
    async with inside(tmp_path) as here:
        project = (await here.ask("project:create", {"name": "Open"}))["result"]["id"]
        rows = [
            {"prompt": "Why?", "model": f"openai/{name}"},
            {"prompt": "Why?", "model": "openai/gpt-6-luna"},
        ]
        assert "result" in await here.ask("batch:submit", {"projectId": project, "rows": rows})
        listed = [(await here.ask("models:get-all"))["result"]]
    async with inside(tmp_path) as here:
        # The list waits a moment only for a database that is being opened, which a busy disk may take longer for.
        await here.ask("project:list")
        listed.append((await here.ask("models:get-all"))["result"])
    for models in listed:
        assert [model["aliasOf"] for model in models if model["id"] == name] == ["gpt-4o"]


async def test_one_turn_to_three_models_is_one_user_message_and_three_answers(app: Inside) -> None:
    project = (await app.ask("project:create", {"name": "Open"}))["result"]
    talk = "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e99"
    replies = await side_by_side(app, talk, "What is new?")

    assert len({reply["id"] for reply in replies}) == 3
    assert all(reply["answer"] and isinstance(reply["costUSD"], float) for reply in replies)
    said = (await app.ask("messages:list", {"conversationId": talk}))["result"]
    assert [message["role"] for message in said].count("user") == 1
    [conversation] = (await app.ask("conversation:list", {"projectId": project["id"]}))["result"]
    assert conversation["id"] == talk


async def test_a_first_message_without_an_id_is_one_new_conversation_for_all_models(app: Inside) -> None:
    project = (await app.ask("project:create", {"name": "Open"}))["result"]
    await side_by_side(app, "null", "Hello there")
    await side_by_side(app, "null", "Something else")

    found = (await app.ask("conversation:list", {"projectId": project["id"]}))["result"]
    assert sorted(conversation["name"] for conversation in found) == ["Hello there", "Something else"]


async def test_a_batch_row_is_a_question_outside_any_conversation_at_any_vendor_s_temperature(
    app: Inside,
) -> None:
    schema = {"type": "object", "properties": {"trend": "string"}, "required": ["trend"]}
    options = {
        "systemPrompt": "Be brief.",
        "temperature": 2,
        "enablePromptCaching": True,
        "cacheTTL": "5m",
        "jsonMode": True,
        "jsonSchema": schema,
    }
    params = {"modelId": "openai/gpt-6.1-sol", "content": "Rate it", "options": options}
    reply = (await app.ask("chat:send", params))["result"]
    assert reply["json"]["trend"]
    assert any("temperature" in note for note in reply["notes"])
    assert (await app.ask("project:list"))["result"] == []


async def test_a_row_with_a_schema_that_is_none_costs_nothing(app: Inside) -> None:
    options = {"jsonSchema": {"type": "object", "properties": {"trend": "a string please"}}}
    answer = await app.ask("chat:send", {"modelId": "gpt-4o", "content": "Rate it", "options": options})
    assert answer["error"]["code"] == -32602
    assert app.simulator.ledger.entries == []


async def test_null_means_absent_and_unknown_options_are_ignored(app: Inside) -> None:
    options = {"temperature": None, "jsonSchema": None, "somethingNew": 7}
    params = {"modelId": "gpt-4o", "content": "Hi", "options": options, "systemPrompt": None}
    assert (await app.ask("chat:send", params))["result"]["answer"]


async def test_stopping_a_conversation_answers_its_requests_with_cancelled(app: Inside) -> None:
    params = {
        "conversationId": "talk",
        "content": "Go on [[simulate: slow_first_ms=60000]]",
        "modelId": "gpt-4o",
    }
    app.send({"jsonrpc": "2.0", "id": 1, "method": "chat:send", "params": params})
    aborted = 0
    async with asyncio.timeout(60):
        while not aborted:  # the request may not have got far enough to be found
            app.send(
                {"jsonrpc": "2.0", "id": 2, "method": "chat:abort", "params": {"conversationId": "talk"}}
            )
            answer = await app.next_message()
            aborted = answer["result"]["aborted"]
        assert (await app.next_message())["error"]["code"] == -32800


VENDORS = ("anthropic/claude-sonnet-5-5", "gemini/gemini-3.8-flash", "grok/grok-4.7", "openai/gpt-6.1-sol")


@pytest.mark.parametrize("model", VENDORS)
async def test_every_vendor_answers_streams_and_is_priced(app: Inside, model: str) -> None:
    params = {"modelId": model, "content": "Reply with exactly: here", "partialResultToken": "t"}
    app.send({"jsonrpc": "2.0", "id": 1, "method": "chat:send", "params": params})
    streamed = ""
    async with asyncio.timeout(60):
        while (message := await app.next_message()).get("id") != 1:
            value = message["params"]["value"]
            streamed += value["text"] if value["type"] == "text" else ""
    reply = message["result"]
    assert reply["answer"] == streamed == "here"
    assert reply["costUSD"] > 0
    assert reply["model"] == model


@pytest.mark.parametrize("model", VENDORS)
async def test_every_vendor_gives_json_by_a_schema(app: Inside, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"trend": {"enum": ["up", "down"]}, "score": {"type": "integer"}},
        "required": ["trend"],
    }
    params = {"modelId": model, "content": "Rate the trend.", "options": {"jsonSchema": schema}}
    reply = (await app.ask("chat:send-structured", params))["result"]
    assert reply["json"]["trend"] in ("up", "down")


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", VENDORS[3]), ("anthropic", VENDORS[0]), ("gemini", VENDORS[1]), ("grok", VENDORS[2])],
)
async def test_a_key_that_a_vendor_refuses_in_its_own_way_is_told_to_the_settings_page(
    app: Inside, provider: str, model: str
) -> None:
    key = {"key": "apiKey", "provider": provider, "value": "sk-invalid-0123456789"}
    await app.ask("settings:save", key)
    app.send(
        {"jsonrpc": "2.0", "id": 1, "method": "chat:send", "params": {"modelId": model, "content": "Hi"}}
    )
    async with asyncio.timeout(60):
        told, answer = await app.next_message(), await app.next_message()
    assert told["params"] == {"provider": provider}
    assert answer["error"]["code"] == -32011
    assert "0123456789" not in str(answer)
