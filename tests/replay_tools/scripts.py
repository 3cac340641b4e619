"""What is recorded: one conversation a served method, as a front end would have it.

Each function is a file, `space_verb` for tests/replay/space.verb.jsonl; its docstring is the title.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

MODEL = "openai/gpt-6.1-terra"
_VENDORS = (MODEL, "anthropic/claude-opus-5-5", "gemini/gemini-3.6-flash", "grok/grok-4.7")
# Older ones, one that was retired, names that its vendor answers with another model, and names that nobody knows.
_OTHER_MODELS = (
    "openai/gpt-4o",
    "openai/gpt-6-luna",
    "anthropic/claude-3-7-sonnet-20250219",
    "gemini/models/gemini-2.5-pro-thinking",
    "o3",
    "claude-4-opus",
    "nobody",
)


class Client(Protocol):
    async def ask(self, method: str, params: Any = ...) -> Any:
        """The result, or the error object where the method answers with one."""

    def tell(self, method: str, params: Any = ...) -> None:
        """A notification."""


async def initialize(client: Client) -> None:
    """The handshake, and one with a version that is not served."""
    await client.ask(
        "initialize", {"protocolVersion": "1.0", "client": {"name": "example", "version": "1.0.0"}}
    )
    await client.ask("initialize", {"protocolVersion": "99.0"})


async def rpc_discover(client: Client) -> None:
    """The contract itself."""
    await client.ask("rpc.discover")


async def system_health(client: Client) -> None:
    """How the sidecar is, once an answer from the database has shown that it is open."""
    await client.ask("project:list")
    await client.ask("system:health")


async def system_doctor(client: Client) -> None:
    """All is well."""
    await client.ask("project:list")
    await client.ask("system:doctor")


async def shutdown(client: Client) -> None:
    """After shutdown only exit is taken."""
    await client.ask("shutdown")
    await client.ask("project:list")


async def exit(client: Client) -> None:  # noqa: A001
    """Leaving without ceremony: what was asked before is still answered."""
    await client.ask("project:list")
    client.tell("exit")


async def cancel_request(client: Client) -> None:
    """Cancelling a request that is not running is no error."""
    client.tell("$/cancelRequest", {"id": 77})
    await client.ask("project:list")


async def models_get_all(client: Client) -> None:
    """Each model once, then without the retired ones, and under every name."""
    await client.ask("models:get-all")
    await client.ask("models:get-all", {"includeRetired": False})
    await client.ask("models:get-all", {"includeAliases": True})


async def models_get(client: Client) -> None:
    """A model by its name, by an older one, and one that does not exist."""
    await client.ask("models:get", {"id": "openai/gpt-4o"})
    await client.ask("models:get", {"id": "anthropic/claude-3-7-sonnet-20250219"})
    await client.ask("models:get", {"id": "gpt-4oo"})


async def models_discover(client: Client) -> None:
    """What a provider lists, a provider that nobody knows, and an address that is none."""
    await client.ask("models:discover", {"provider": "grok"})
    await client.ask("models:discover", {"provider": "lab"})
    await client.ask("models:discover", {"provider": "lab", "baseUrl": "lab"})


async def models_save(client: Client) -> None:
    """A server with a model and its price, a name for a shipped model, and what cannot be kept."""
    server = {"name": "The lab", "baseUrl": "http://127.0.0.1:9/v1"}
    price = {"prompt": 0.25, "completion": 1}
    await client.ask(
        "models:save", {"provider": "lab", "id": "llama", "name": "Llama", "price": price, "server": server}
    )
    await client.ask("models:save", {"provider": "lab", "server": {"name": "Our lab"}})
    await client.ask("models:save", {"provider": "openai", "id": "gpt-6-luna", "name": "Luna, ours"})
    await client.ask("models:save", {"provider": "nobody", "id": "llama"})
    await client.ask("models:save", {"provider": "lab"})


async def models_delete(client: Client) -> None:
    """A model that was written down, then its server, then what is not there."""
    server = {"baseUrl": "http://127.0.0.1:9/v1"}
    await client.ask("models:save", {"provider": "lab", "id": "llama", "server": server})
    await client.ask("models:delete", {"provider": "lab", "id": "llama"})
    await client.ask("models:delete", {"provider": "lab"})
    await client.ask("models:delete", {"provider": "nobody"})


async def models_update(client: Client) -> None:
    """What is no catalogue, a file that is not there, and undoing where nothing was done."""
    await client.ask("models:update", {"text": "{}"})
    await client.ask("models:update", {"path": "/nowhere/models.json"})
    await client.ask("models:update", {"undo": True})
    await client.ask("models:update", {})


async def settings_load(client: Client) -> None:
    """All settings, one of them, and whether there are keys."""
    await client.ask("settings:load", {})
    await client.ask("settings:load", {"key": "maxOutputTokens"})
    await client.ask("settings:load", {"key": "allKeys"})
    await client.ask("settings:load", {"key": "apiKey", "provider": "openai"})


async def settings_save(client: Client) -> None:
    """A setting that is kept, one out of range, a key that is shown masked, and one that is refused."""
    await client.ask("settings:save", {"key": "maxOutputTokens", "value": 0})
    await client.ask("settings:load", {"key": "maxOutputTokens"})
    await client.ask("settings:save", {"key": "maxWebSearchUses", "value": 1000})
    await client.ask("settings:load", {"key": "maxWebSearchUses"})
    await client.ask(
        "settings:save", {"key": "apiKey", "provider": "openai", "value": "sk-simulated-0000-wxyz"}
    )
    await client.ask("settings:load", {"key": "apiKey", "provider": "openai"})
    for key, wrong in (
        ("maxOutputTokens", "8"),
        ("reasoningEffort", "huge"),
        ("concurrency", {"openai": 0}),
    ):
        await client.ask("settings:save", {"key": key, "value": wrong})
    for value in ("sk-two words", 7):
        await client.ask("settings:save", {"key": "apiKey", "provider": "anthropic", "value": value})
    # What a key that the vendor refuses looks like: an error, and a notification for the settings page.
    await client.ask(
        "settings:save", {"key": "apiKey", "provider": "openai", "value": "sk-invalid-0000-wxyz"}
    )
    await client.ask("chat:send", {"content": "Hello", "modelId": MODEL})
    await client.ask("settings:save", {"key": "apiKey", "provider": "openai", "value": ""})


async def settings_validate_key(client: Client) -> None:
    """A key that the vendor takes, one that it refuses, one that is not there, and a vendor that nobody knows."""
    await client.ask("settings:validate-key", {"provider": "openai"})
    refused = {"key": "apiKey", "provider": "openai", "value": "sk-invalid-0000-wxyz"}
    await client.ask("settings:save", refused)
    await client.ask("settings:validate-key", {"provider": "openai"})
    await client.ask("settings:save", {**refused, "value": ""})
    await client.ask("settings:validate-key", {"provider": "openai"})
    await client.ask("settings:validate-key", {"provider": "nobody"})


async def project_create(client: Client) -> None:
    """A project with everything, one with only a name, one without."""
    await client.ask(
        "project:create", {"name": "Trends", "description": "Weekly", "settings": {"theme": "dark"}}
    )
    await client.ask("project:create", {"name": "Plain"})
    for wrong in ({}, {"name": ""}, {"name": 7}):
        await client.ask("project:create", wrong)


async def project_list(client: Client) -> None:
    """None, then one."""
    await client.ask("project:list")
    await client.ask("project:create", {"name": "First"})
    await client.ask("project:list")


async def project_get(client: Client) -> None:
    """A project, and null for an unknown one."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("project:get", {"id": project["id"]})
    await client.ask("project:get", {"id": "unknown"})


async def project_switch(client: Client) -> None:
    """Opening another project, and one that does not exist."""
    first = await client.ask("project:create", {"name": "First"})
    await client.ask("project:create", {"name": "Second"})
    await client.ask("project:switch", {"id": first["id"]})
    await client.ask("project:switch", {"id": "unknown"})


async def project_update(client: Client) -> None:
    """Only what is named changes."""
    project = await client.ask("project:create", {"name": "First", "description": "Kept"})
    await client.ask(
        "project:update", {"id": project["id"], "name": "Renamed", "settings": {"theme": "light"}}
    )
    await client.ask("project:update", {"id": "unknown", "name": "Nothing"})


async def project_delete(client: Client) -> None:
    """A project goes with its conversations."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("conversation:create", {"projectId": project["id"], "name": "Talk"})
    await client.ask("project:delete", {"id": project["id"]})
    await client.ask("project:list")
    await client.ask("conversation:list", {"projectId": project["id"]})


async def conversation_create(client: Client) -> None:
    """A conversation with the renderer's own id, one with ours, one in no project."""
    project = await client.ask("project:create", {"name": "First"})
    own = "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e11"
    await client.ask("conversation:create", {"projectId": project["id"], "name": "Talk", "id": own})
    await client.ask("conversation:create", {"projectId": project["id"]})
    await client.ask("conversation:create", {"projectId": "unknown"})


async def conversation_list(client: Client) -> None:
    """The conversations of a project."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("conversation:create", {"projectId": project["id"], "name": "Talk"})
    await client.ask("conversation:list", {"projectId": project["id"]})


async def conversation_rename(client: Client) -> None:
    """A new name."""
    project = await client.ask("project:create", {"name": "First"})
    talk = await client.ask("conversation:create", {"projectId": project["id"], "name": "Talk"})
    await client.ask("conversation:rename", {"id": talk["id"], "name": "Another name"})


async def conversation_delete(client: Client) -> None:
    """Gone, and gone twice."""
    project = await client.ask("project:create", {"name": "First"})
    talk = await client.ask("conversation:create", {"projectId": project["id"], "name": "Talk"})
    await client.ask("conversation:delete", {"id": talk["id"]})
    await client.ask("conversation:delete", {"id": talk["id"]})


async def messages_add(client: Client) -> None:
    """A message of the person's and an answer that somebody else made."""
    talk = await _talk(client)
    await client.ask("messages:add", {"conversationId": talk, "role": "user", "content": "Hello"})
    answer = {"role": "assistant", "content": "Hi.", "provider": "Example", "model": MODEL, "cost": 0.0012}
    await client.ask("messages:add", {"conversationId": talk, "tokensIn": 1, "tokensOut": 2, **answer})
    await client.ask("messages:add", {"conversationId": talk, "role": "robot", "content": "x"})


async def messages_list(client: Client) -> None:
    """All messages, oldest first, and the newest one."""
    talk = await _talk(client)
    await client.ask("messages:add", {"conversationId": talk, "role": "user", "content": "First"})
    await client.ask("messages:add", {"conversationId": talk, "role": "user", "content": "Second"})
    await client.ask("messages:list", {"conversationId": talk})
    await client.ask("messages:list", {"conversationId": talk, "limit": 1})


async def messages_edit(client: Client) -> None:
    """A new text for a message, none, and a message that is not there."""
    talk = await _talk(client)
    said = {"conversationId": talk, "role": "user", "content": "First"}
    message = await client.ask("messages:add", said)
    await client.ask("messages:edit", {"id": message["id"], "content": "Second"})
    await client.ask("messages:edit", {"id": message["id"], "content": " "})
    await client.ask("messages:edit", {"id": "nobody", "content": "Third"})


async def messages_versions(client: Client) -> None:
    """What a message was before it was edited, a message that never was, and one that is not there."""
    talk = await _talk(client)
    said = {"conversationId": talk, "role": "user", "content": "First"}
    message = await client.ask("messages:add", said)
    await client.ask("messages:versions", {"id": message["id"]})
    await client.ask("messages:edit", {"id": message["id"], "content": "Second"})
    await client.ask("messages:versions", {"id": message["id"]})
    await client.ask("messages:versions", {"id": "nobody"})


async def messages_regenerate(client: Client) -> None:
    """A question asked again, and an answer that is not there."""
    answer = await client.ask("chat:send", _QUESTION)
    await client.ask("messages:regenerate", {"id": answer["id"]})
    await client.ask("messages:regenerate", {"id": "nobody"})


async def messages_delete(client: Client) -> None:
    """A question with its answer, and a message that is not there."""
    await client.ask("chat:send", _QUESTION)
    [question, _] = await client.ask("messages:list", {"conversationId": _QUESTION["conversationId"]})
    await client.ask("messages:delete", {"id": question["id"]})
    await client.ask("messages:delete", {"id": question["id"]})


async def conversation_fork(client: Client) -> None:
    """A conversation that begins with copies, and a fork of one that is not there."""
    await client.ask("chat:send", _QUESTION)
    await client.ask("conversation:fork", {"id": _QUESTION["conversationId"], "name": "Other way"})
    await client.ask("conversation:fork", {"id": "nobody"})


async def conversation_export(client: Client) -> None:
    """A project without conversations, nothing named, and a conversation that is not there."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("conversation:export", {"projectId": project["id"], "format": "json"})
    await client.ask("conversation:export", {"format": "markdown"})
    await client.ask("conversation:export", {"id": "nobody", "format": "markdown"})


async def conversation_import(client: Client) -> None:
    """What was exported is taken over, and a file that is not there."""
    await client.ask("project:create", {"name": "First"})
    await client.ask("chat:send", _QUESTION)
    path = "<folder>/talk.json"
    wanted = {"id": _QUESTION["conversationId"], "path": path, "format": "json"}
    await client.ask("conversation:export", wanted)
    other = await client.ask("project:create", {"name": "Second"})
    await client.ask("conversation:import", {"projectId": other["id"], "path": path})
    await client.ask("conversation:import", {"projectId": other["id"], "path": path})
    await client.ask("conversation:import", {"projectId": other["id"], "path": "<folder>/nothing.json"})


async def messages_search(client: Client) -> None:
    """Full text, the beginning of the last word being enough."""
    talk = await _talk(client)
    content = "The quick brown fox jumps over the lazy dog"
    await client.ask("messages:add", {"conversationId": talk, "role": "user", "content": content})
    await client.ask("messages:search", {"query": "brown fo"})
    await client.ask("messages:search", {"query": "elephant"})


async def chat_send(client: Client) -> None:
    """A question that streams, the stored conversation, and JSON that follows a schema."""
    await client.ask("project:create", {"name": "First"})
    conversation = "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e12"
    question = {"conversationId": conversation, "content": "Why is the sky blue?", "modelId": MODEL}
    await client.ask("chat:send", {**question, "partialResultToken": "answer-1"})
    await client.ask("messages:list", {"conversationId": conversation})
    await client.ask("chat:send", {"content": "Reply with exactly: pong", "modelId": MODEL})
    schema = {"type": "object", "properties": {"trend": "string", "score": "integer"}}
    options = {"jsonSchema": schema}
    await client.ask("chat:send", {"content": "Rate the trend.", "modelId": MODEL, "options": options})
    await client.ask("chat:send", {"content": "", "modelId": MODEL})
    await client.ask("chat:send", {"content": "Hello", "modelId": "openai/no-such-model"})


async def chat_send_structured(client: Client) -> None:
    """The parsed object comes beside the text."""
    schema = {"type": "object", "properties": {"trend": {"enum": ["up", "down"]}}, "required": ["trend"]}
    question = {"content": "Up or down?", "modelId": MODEL}
    await client.ask("chat:send-structured", {**question, "options": {"jsonSchema": schema}})
    await client.ask("chat:send-structured", {**question, "content": "Reply with exactly: no JSON here"})


async def chat_models(client: Client) -> None:
    """One question to models of every vendor, to retired and unknown ones, and what options make of an answer."""
    asked = {"content": "What is a bridge?"}
    for model in (*_VENDORS, *_OTHER_MODELS):
        await client.ask("chat:send", {**asked, "modelId": model})
    await client.ask("chat:send", {**asked, "conversationId": "null", "modelId": ""})
    await client.ask("chat:send", {"content": _COUNTED, "modelId": MODEL})
    for model in ("openai/gpt-6.1-sol", "openai/gpt-4o-mini"):
        await client.ask("chat:send", {"content": "Reply with exactly: here", "modelId": model})
    for options in (
        {"jsonMode": True},
        {"jsonSchema": {"type": "object", "properties": {"n": "integer"}}},
        {"enableExtendedThinking": True},
        {"maxOutputTokens": 50},
    ):
        await client.ask(
            "chat:send", {"content": "Count the arches.", "modelId": "openai/gpt-4o", "options": options}
        )
    short = {"maxOutputTokens": 20}
    await client.ask(
        "chat:send", {"content": "Count.", "modelId": "anthropic/claude-opus-5-5", "options": short}
    )


async def chat_failures(client: Client) -> None:
    """How each vendor fails where it is ordered to, with a key that it refuses, and with none."""
    for model in _VENDORS:
        # No vendor's hint is obeyed when it is longer than anybody waits, so that nothing is asked twice.
        for order in (
            "status=400",
            "status=401",
            "status=429 retry_after=99",
            "status=503 retry_after=99",
            "refusal=1",
        ):
            question = f"Fail, please. [[simulate: {order}]]"
            await client.ask("chat:send", {"content": question, "modelId": model})
        key = {"key": "apiKey", "provider": model.partition("/")[0]}
        for value in ("sk-invalid-0000-wxyz", ""):
            await client.ask("settings:save", {**key, "value": value})
            await client.ask("chat:send", {"content": "Hello?", "modelId": model})
            await client.ask("settings:validate-key", {"provider": key["provider"]})


async def chat_compare(client: Client) -> None:
    """Three models at once, of which one does not exist: the other two answer all the same."""
    await client.ask("project:create", {"name": "First"})
    talk = "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e14"
    models = ["openai/gpt-6.1-sol", "openai/no-such-model", "openai/gpt-4o-mini"]
    question = {"conversationId": talk, "content": "Reply with exactly: here", "modelIds": models}
    await client.ask("chat:compare", question)
    await client.ask("messages:list", {"conversationId": talk})
    await client.ask("chat:compare", {"conversationId": "c", "content": "And?", "modelIds": []})


async def chat_abort(client: Client) -> None:
    """Nothing runs there, so nothing is stopped."""
    await client.ask("chat:abort", {"conversationId": "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e13"})


async def _answered(client: Client) -> str:
    """The id of a question with two answers that are alike: which of them is shown first is chance."""
    talk = await _talk(client)
    said = {"conversationId": talk, "role": "user", "content": "Why?"}
    question = await client.ask("messages:add", said)
    for _ in range(2):
        answer = {"conversationId": talk, "role": "assistant", "content": "So.", "model": "lab/one"}
        await client.ask("messages:add", answer)
    return str(question["id"])


async def compare_ballot(client: Client) -> None:
    """Two answers without names, and questions that cannot be voted on."""
    question = await _answered(client)
    await client.ask("compare:ballot", {"turnId": question})
    await client.ask("compare:ballot", {"turnId": "nobody"})
    await client.ask("compare:ballot", {})


async def compare_vote(client: Client) -> None:
    """A label that was not shown, and a ballot that nobody opened."""
    question = await _answered(client)
    ballot = await client.ask("compare:ballot", {"turnId": question})
    await client.ask("compare:vote", {"ballotId": ballot["ballotId"], "winner": "Z"})
    await client.ask("compare:vote", {"ballotId": "nobody", "winner": "A"})


async def compare_votes(client: Client) -> None:
    """Nobody has voted yet, and a project that is not there."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("compare:votes", {"projectId": project["id"]})
    await client.ask("compare:votes", {"projectId": "nobody"})


async def compare_board(client: Client) -> None:
    """A board without votes, and a project that is not there."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("compare:board", {"projectId": project["id"]})
    await client.ask("compare:board", {"projectId": "nobody"})


async def compare_differences(client: Client) -> None:
    """Two answers that say the same, and a question that is not there."""
    question = await _answered(client)
    await client.ask("compare:differences", {"turnId": question})
    await client.ask("compare:differences", {"turnId": "nobody"})


async def batch_report(client: Client) -> None:
    """A report on a batch that has not begun, with what is wanted beside it, and on one that is not there."""
    project = await client.ask("project:create", {"name": "First"})
    rows = [{"id": "r1", "prompt": "Why?", "model": MODEL}]
    job = await client.ask("batch:submit", {"projectId": project["id"], "rows": rows})
    path = "<folder>/report.html"
    await client.ask("batch:report", {"jobIds": [job["id"]], "path": path, "beside": ["markdown"]})
    await client.ask("batch:report", {"jobIds": ["nobody"], "path": path})


async def work_list(client: Client) -> None:
    """Whoever has asked once hears of changes; nothing runs any more once the question is answered."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("work:list")
    await client.ask("chat:send", _QUESTION)
    await client.ask("work:list", {"projectId": project["id"], "texts": False})


async def work_attach(client: Client) -> None:
    """An answer that has ended, joined by its turn and by its request, and one that nobody knows."""
    await client.ask("chat:send", _QUESTION)
    [question, _] = await client.ask("messages:list", {"conversationId": _QUESTION["conversationId"]})
    joined = {"turnId": question["id"], "partialResultToken": "again"}
    [answer] = (await client.ask("work:attach", joined))["answers"]
    await client.ask("work:attach", {"requestId": answer["requestId"], "after": 1})
    await client.ask("work:attach", {"turnId": "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e13"})
    await client.ask("work:attach", {})


async def activity_get(client: Client) -> None:
    """A conversation with its newest text and its cost, no batches, and a project that does not exist."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("activity:get", {"projectId": project["id"]})
    await client.ask("chat:send", _QUESTION)
    await client.ask("activity:get", {"projectId": project["id"], "type": "all", "limit": 20})
    await client.ask("activity:get", {"projectId": project["id"], "type": "batch"})
    await client.ask("activity:get", {"projectId": "unknown"})


async def activity_stats(client: Client) -> None:
    """Nothing yet; then what two models cost, in one project and in all."""
    project = await client.ask("project:create", {"name": "First"})
    await client.ask("activity:stats")
    await client.ask("chat:send", _QUESTION)
    await client.ask("chat:send", {**_QUESTION, "modelId": "openai/gpt-4o"})
    await client.ask("activity:stats", {"projectId": project["id"]})
    await client.ask("activity:stats", {})


async def cost_explain(client: Client) -> None:
    """An answer's cost line by line, and an answer that nobody knows."""
    answer = await client.ask("chat:send", _QUESTION)
    await client.ask("cost:explain", {"messageId": answer["id"]})
    await client.ask("cost:explain", {"messageId": "nobody"})


async def cost_reconcile(client: Client) -> None:
    """Calls beside a table of what was charged, and beside the vendor's own figures."""
    await client.ask("chat:send", {"content": "What is a ledger?", "modelId": MODEL})
    days = {"from": "2026-11-22", "to": "2026-11-23"}
    text = "date,model,cost\n2026-11-23,gpt-6.1-terra,0.5\n"
    await client.ask("cost:reconcile", {"provider": "openai", **days, "text": text})
    await client.ask(
        "settings:save", {"key": "apiKey", "provider": "openai-admin", "value": "sk-admin-simulated"}
    )
    await client.ask("cost:reconcile", {"provider": "openai", **days})


async def cost_reprice(client: Client) -> None:
    """One call at a dearer model's prices, no calls at all, and a model that does not exist."""
    await client.ask("project:create", {"name": "First"})
    await client.ask("chat:send", _QUESTION)
    await client.ask("cost:reprice", {"modelId": "anthropic/claude-opus-5-5"})
    await client.ask("cost:reprice", {"modelId": "openai/gpt-4o", "to": 1577836800000})
    await client.ask("cost:reprice", {"modelId": "gpt-4oo"})


async def tokens_count(client: Client) -> None:
    """Counted for OpenAI, estimated for others; the older name; nothing is nothing."""
    # A text whose count is its estimate too: not every platform has a tokenizer.
    text = "Count me in"
    await client.ask("tokens:count", {"text": text, "modelId": "openai/gpt-4o"})
    await client.ask("tokens:count", {"text": text, "modelId": "anthropic/claude-opus-5-5"})
    await client.ask("utils:count-tokens", {"text": text})
    await client.ask("tokens:count", {"text": ""})


async def batch_submit(client: Client) -> None:
    """Rows that are stored with what they may cost, and rows that cannot be sent, of which none is stored."""
    project = await client.ask("project:create", {"name": "First"})
    template = {"prompt": "{{text}}", "model": MODEL, "data": {"text": _COUNTED}}
    params = {"projectId": project["id"], "fileName": "rows.csv"}
    await client.ask("batch:submit", {**params, "rows": [{"id": "r1", **template}, template]})
    wrong = [
        {**template, "data": {"other": "x"}},
        {**template, "model": "openai/no-such-model"},
        {**template, "prompt": " "},
    ]
    await client.ask("batch:submit", {**params, "rows": wrong})
    others = [
        {"prompt": "", "model": "openai/gpt-4o"},
        {"prompt": "{{b}} {{c}}", "model": "openai/gpt-4o", "data": {"a": 1}},
        {"prompt": "x", "model": "nobody"},
    ]
    for refused in (others, []):
        await client.ask("batch:submit", {"projectId": project["id"], "rows": refused})
    await client.ask("settings:save", {"key": "apiKey", "provider": "openai", "value": ""})
    await client.ask("batch:submit", {**params, "rows": [template]})
    await client.ask("batch:submit", {"projectId": "unknown", "rows": [template]})


async def batch_start(client: Client) -> None:
    """A batch that does not exist, one that the budget does not allow, and one that runs."""
    job = await _batch(client)
    await client.ask("batch:start", {"jobId": "unknown"})
    await client.ask("settings:save", {"key": "monthlyBudgetUSD", "value": 0.001})
    await client.ask("batch:start", {"jobId": job})
    await client.ask("settings:save", {"key": "monthlyBudgetUSD", "value": None})
    await client.ask("batch:start", {"jobId": job, "concurrency": 1, "notifyRows": True})
    # By the time that this is answered, the batch has long been done.
    slow = "[[simulate: slow_first_ms=1500]] Reply with exactly: done"
    await client.ask("chat:send", {"content": slow, "modelId": MODEL})
    await client.ask("batch:get-results", {"jobId": job})


async def batch_cancel(client: Client) -> None:
    """Rows that were never sent are cancelled; a second time there is nothing left to cancel."""
    job = await _batch(client)
    await client.ask("batch:cancel", {"jobId": job})
    await client.ask("batch:get-results", {"jobId": job})
    await client.ask("batch:cancel", {"jobId": job})
    await client.ask("batch:cancel", {"jobId": "unknown"})


async def batch_retry_failed(client: Client) -> None:
    """A batch that the app runs itself is retried there, one that has not begun is not; the failed row of one goes."""
    await client.ask("project:create", {"name": "First"})
    await client.ask("batch:update-status", {"jobId": "b-1", "status": "failed", "error": "It broke."})
    await client.ask("batch:retry-failed", {"jobId": "b-1"})
    await client.ask("batch:retry-failed", {"jobId": await _batch(client)})
    project = await client.ask("project:create", {"name": "Second"})
    rows = [{"id": "r1", "prompt": f"[[simulate: status=400]] {_COUNTED}", "model": MODEL}]
    job = await client.ask("batch:submit", {"projectId": project["id"], "rows": rows, "fileName": "rows.csv"})
    await client.ask("batch:start", {"jobId": job["id"]})
    # By the time that this is answered, the batch has long been done.
    slow = "[[simulate: slow_first_ms=1500]] Reply with exactly: done"
    await client.ask("chat:send", {"content": slow, "modelId": MODEL})
    # Nothing is asked afterwards: how far it comes meanwhile is chance.
    await client.ask("batch:retry-failed", {"jobId": job["id"]})


async def batch_collect(client: Client) -> None:
    """A batch that the sidecar runs itself lies at no provider, nor does one that does not exist."""
    await client.ask("batch:collect", {"jobId": await _batch(client)})
    await client.ask("batch:collect", {"jobId": "unknown"})


async def batch_submit_native(client: Client) -> None:
    """A provider without batches, a model of another provider, and rows that are sent at once."""
    project = await client.ask("project:create", {"name": "First"})
    rows = [{"id": "r1", "prompt": "Sum up EN 1992", "model": MODEL}]
    params = {"projectId": project["id"], "rows": rows}
    await client.ask("batch:submit-native", {**params, "providerName": "nobody"})
    await client.ask("batch:submit-native", {**params, "providerName": "anthropic"})
    # Nothing is asked afterwards: how far it comes meanwhile is chance.
    await client.ask("batch:submit-native", {**params, "providerName": "openai"})


async def batch_get_status(client: Client) -> None:
    """A job as it is stored, one that is not there, and a provider's batch that the provider does not know."""
    await client.ask("batch:get-status", {"jobId": await _batch(client)})
    await client.ask("batch:get-status", {"jobId": "unknown"})
    await client.ask("batch:get-status", {"nativeBatchId": "batch_1", "providerName": "openai"})


async def batch_get_results(client: Client) -> None:
    """Rows that have yet to be sent, a page of them, and those of a batch that is not there."""
    job = await _batch(client)
    await client.ask("batch:get-results", {"jobId": job})
    await client.ask("batch:get-results", {"jobId": job, "offset": 1, "limit": 1})
    await client.ask("batch:get-results", {"jobId": "unknown"})


async def batch_update_status(client: Client) -> None:
    """A batch that the app runs itself: announced, row by row, and at its end."""
    await client.ask("project:create", {"name": "First"})
    own = "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e15"
    await client.ask("batch:update-status", {"jobId": own, "status": "running", "totalRows": 2})
    answer = {"prompt": "Hello", "model": MODEL, "response": "Hi.", "tokens_in": 1, "tokens_out": 2}
    row = {"jobId": own, "rowId": "r1", "status": "success"}
    await client.ask("batch:update-status", {**row, "result": {**answer, "cost_usd": 0.0012, "attempts": 1}})
    broken = {"prompt": "Hello", "model": MODEL, "error": "timeout", "errorMessage": "It took too long."}
    await client.ask(
        "batch:update-status", {"jobId": own, "rowId": "r2", "status": "error-api", "result": broken}
    )
    await client.ask("batch:update-status", {"jobId": own, "status": "completed"})
    await client.ask("batch:get-results", {"jobId": own})


async def batch_list(client: Client) -> None:
    """A project's batches, and what comes after the only one."""
    job = await client.ask("batch:get", {"jobId": await _batch(client)})
    await client.ask("batch:list", {"projectId": job["projectId"], "limit": 10})
    await client.ask("batch:list", {"projectId": job["projectId"], "cursor": job["id"]})
    await client.ask("batch:list", {"projectId": job["projectId"], "cursor": "unknown"})


async def batch_get(client: Client) -> None:
    """A batch, and one that is not there."""
    await client.ask("batch:get", {"jobId": await _batch(client)})
    await client.ask("batch:get", {"jobId": "unknown"})


async def batch_estimate(client: Client) -> None:
    """Two models, one of them retired and priced as the one that answers; nothing is stored or sent."""
    await client.ask("project:create", {"name": "First"})
    row = {"prompt": _COUNTED, "model": MODEL, "maxOutputTokens": 100}
    await client.ask("batch:estimate", {"rows": [{"id": "a", **row}, {**row, "model": "openai/o3-mini"}]})
    await client.ask("batch:estimate", {"rows": [], "projectId": "unknown"})
    await client.ask("batch:estimate", {"rows": []})
    unfilled = {**row, "id": "b", "prompt": "{{x}}", "data": {"y": 1}}
    await client.ask("batch:estimate", {"rows": [unfilled]})
    await client.ask("batch:estimate", {"rows": [unfilled, {**row, "prompt": "{{x}}"}]})


async def batch_import(client: Client) -> None:
    """Rows from tables and from JSON, bad ones among them; a file that is not there."""
    table = "prompt;model;temperature;city\nSum up {{city}};openai/gpt-6-luna;0,5;Graz\n;openai/gpt-6-luna;;Linz\n"
    await client.ask("batch:import", {"text": table, "format": "csv"})
    rows = '[{"id": "r1", "prompt": "Why?", "model": "openai/gpt-6-luna", "json_mode": true}]'
    await client.ask("batch:import", {"text": rows, "format": "json"})
    for table in (
        "prompt,model,x\nhi {{x}},gpt-4o,1\n,gpt-4o,2\nno model,,3\n",
        "a;b\n1;2",
        "",
        'prompt;model;temperature;jsonMode\n"a;""b";gpt-4o;0,7;true',
    ):
        await client.ask("batch:import", {"text": table, "format": "csv"})
    mixed = '{"rows": [{"prompt": "a", "model": "gpt-4o", "more": 1}, {"prompt": ""}, 5]}'
    await client.ask("batch:import", {"text": mixed, "format": "json"})
    await client.ask("batch:import", {"path": "<folder>/missing.csv"})
    acts = "act,prompt,for_devs\nGuide,Show me three museums,FALSE\n"
    models = {"models": ["openai/gpt-6-luna", "openai/gpt-4o"]}
    for options in (
        {},
        {"columns": {"system": "act"}, **models},
        {"template": "{{act}}: {{prompt}}", **models},
    ):
        await client.ask("batch:import", {"text": acts, "format": "csv", **options})


async def batch_export(client: Client) -> None:
    """A job's rows as a table, which is imported as they were; a job that does not exist."""
    project = await client.ask("project:create", {"name": "First"})
    row = {
        "id": "r1",
        "prompt": "=Sum up {{text}}",
        "model": "openai/gpt-6-luna",
        "data": {"text": "EN 1992"},
    }
    job = await client.ask("batch:submit", {"projectId": project["id"], "rows": [row]})
    await client.ask("batch:export", {"jobId": job["id"], "path": "<folder>/rows.csv", "format": "csv"})
    await client.ask("batch:import", {"path": "<folder>/rows.csv"})
    await client.ask("batch:export", {"jobId": "unknown", "path": "<folder>/rows.json", "format": "json"})


async def jobqueue_save_state(client: Client) -> None:
    """The last state that was sent is the one that is kept."""
    await client.ask("jobqueue:save-state", {"batchId": "b-1", "state": {"rows": [], "completed": 0}})
    await client.ask(
        "jobqueue:save-state", {"batchId": "b-1", "state": {"rows": [{"id": "r1"}], "completed": 1}}
    )
    await client.ask("jobqueue:load-state", {"batchId": "b-1"})


async def jobqueue_load_state(client: Client) -> None:
    """Any value comes back as it was; null where there is none."""
    await client.ask(
        "jobqueue:save-state", {"batchId": "b-1", "state": [1, 2.5, "three", None, {"four": True}]}
    )
    await client.ask("jobqueue:load-state", {"batchId": "b-1"})
    await client.ask("jobqueue:load-state", {"batchId": "b-2"})


async def jobqueue_clear_state(client: Client) -> None:
    """Afterwards there is none; clearing what is not there is no error."""
    await client.ask("jobqueue:save-state", {"batchId": "b-1", "state": {"completed": 3}})
    await client.ask("jobqueue:clear-state", {"batchId": "b-1"})
    await client.ask("jobqueue:load-state", {"batchId": "b-1"})
    await client.ask("jobqueue:clear-state", {"batchId": "b-1"})


async def jobqueue_get_directory(client: Client) -> None:
    """A name, not a place on the disk."""
    await client.ask("jobqueue:get-directory")


async def jobqueue_list_files(client: Client) -> None:
    """The states under that name; nothing under any other."""
    await client.ask("jobqueue:list-files", {"directory": "jobqueue"})
    await client.ask("jobqueue:save-state", {"batchId": "b-1", "state": {}})
    await client.ask("jobqueue:list-files", {"directory": "jobqueue"})
    await client.ask("jobqueue:list-files", {"directory": "/etc"})


async def history_log(client: Client) -> None:
    """Whatever the renderer logs, so long as it is an object."""
    await client.ask(
        "history:log", {"project": "Tender", "row": {"prompt": "Which norm holds here?", "n": 1}}
    )
    await client.ask("history:log", {"project": "Tender", "row": "no object"})


async def history_read(client: Client) -> None:
    """A project's rows, oldest first; none of a project that logged nothing."""
    await client.ask("history:log", {"project": "Tender", "row": {"prompt": "first"}})
    await client.ask("history:log", {"project": "Other", "row": {"prompt": "elsewhere"}})
    await client.ask("history:log", {"project": "Tender", "row": {"prompt": "second"}})
    await client.ask("history:read", {"project": "Tender"})
    await client.ask("history:read", {"project": "Nothing"})


async def history_open_folder(client: Client) -> None:
    """Nothing happens here."""
    await client.ask("history:open-folder", {"project": "Tender"})


async def data_backup(client: Client) -> None:
    """A copy in a file; not over the database itself, and not where there is no folder."""
    await client.ask("data:backup", {"path": "<folder>/copy.db"})
    await client.ask("data:backup", {"path": "<folder>/data/abai.db"})
    await client.ask("data:backup", {"path": "<folder>/missing/copy.db"})


async def data_export(client: Client) -> None:
    """A folder of JSONL; not where a file is."""
    await client.ask("project:create", {"name": "First"})
    await client.ask("data:export", {"path": "<folder>/export"})
    await client.ask("data:export", {"path": "<folder>/export/projects.jsonl"})


async def data_backups(client: Client) -> None:
    """None on the first day; a copy that the person made for themselves is not among them."""
    await client.ask("data:backup", {"path": "<folder>/copy.db"})
    await client.ask("data:backups")


async def data_check(client: Client) -> None:
    """A sound database, looked at twice."""
    await client.ask("project:list")
    await client.ask("data:check", {})
    await client.ask("data:check", {"full": True})


async def data_salvage(client: Client) -> None:
    """A sound database is left alone."""
    await client.ask("project:list")
    await client.ask("data:salvage")


async def data_restore(client: Client) -> None:
    """What came after the backup is gone again; what is no backup changes nothing."""
    await client.ask("project:create", {"name": "First"})
    await client.ask("data:backup", {"path": "<folder>/copy.db"})
    await client.ask("project:create", {"name": "Second"})
    await client.ask("data:restore", {"path": "<folder>/copy.db"})
    await client.ask("project:list")
    await client.ask("data:restore", {"path": "<folder>/missing.db"})


_QUESTION = {
    "conversationId": "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e14",
    "content": "Why is the sky blue?",
    "modelId": MODEL,
}


# A text whose count is its estimate too: not every platform has a tokenizer.
_COUNTED = "Count me in"


async def _batch(client: Client) -> str:
    project = await client.ask("project:create", {"name": "First"})
    rows = [{"id": f"r{number}", "prompt": _COUNTED, "model": MODEL} for number in (1, 2)]
    job = await client.ask("batch:submit", {"projectId": project["id"], "rows": rows, "fileName": "rows.csv"})
    return str(job["id"])


async def _talk(client: Client) -> str:
    project = await client.ask("project:create", {"name": "First"})
    talk = await client.ask("conversation:create", {"projectId": project["id"], "name": "Talk"})
    return str(talk["id"])


Script = Callable[[Client], Awaitable[None]]
# Methods whose name says no space, and what their file is called.
_SPECIAL = {"cancel_request": "cancelRequest"}


def scripts() -> dict[str, Script]:
    """Every script by the stem of its file: `project.create`, `chat.send`."""
    found = {name: value for name, value in globals().items() if inspect.iscoroutinefunction(value)}
    return {file_stem(name): script for name, script in found.items() if not name.startswith("_")}


def file_stem(function: str) -> str:
    if function in _SPECIAL:
        return _SPECIAL[function]
    space, _, verb = function.partition("_")
    return f"{space}.{verb.replace('_', '-')}" if verb else space
