"""What is recorded: one conversation a served method, as a front end would have it.

Each function is a file, `space_verb` for tests/replay/space.verb.jsonl; its docstring is the title.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

MODEL = "openai/gpt-6.1-terra"


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
    """How the sidecar is."""
    await client.ask("system:health")


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
    """Every model under every name, then without the retired ones."""
    await client.ask("models:get-all")
    await client.ask("models:get-all", {"includeRetired": False})


async def models_get(client: Client) -> None:
    """A model by its name, by an older one, and one that does not exist."""
    await client.ask("models:get", {"id": "openai/gpt-4o"})
    await client.ask("models:get", {"id": "anthropic/claude-3-7-sonnet-20250219"})
    await client.ask("models:get", {"id": "gpt-4oo"})


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
    await client.ask("project:create", {})


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


async def messages_list(client: Client) -> None:
    """All messages, oldest first, and the newest one."""
    talk = await _talk(client)
    await client.ask("messages:add", {"conversationId": talk, "role": "user", "content": "First"})
    await client.ask("messages:add", {"conversationId": talk, "role": "user", "content": "Second"})
    await client.ask("messages:list", {"conversationId": talk})
    await client.ask("messages:list", {"conversationId": talk, "limit": 1})


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


async def chat_compare(client: Client) -> None:
    """Three models at once, of which one does not exist: the other two answer all the same."""
    await client.ask("project:create", {"name": "First"})
    talk = "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e14"
    models = ["openai/gpt-6.1-sol", "openai/no-such-model", "openai/gpt-4o-mini"]
    question = {"conversationId": talk, "content": "Reply with exactly: here", "modelIds": models}
    await client.ask("chat:compare", question)
    await client.ask("messages:list", {"conversationId": talk})


async def chat_abort(client: Client) -> None:
    """Nothing runs there, so nothing is stopped."""
    await client.ask("chat:abort", {"conversationId": "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e13"})


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


_QUESTION = {
    "conversationId": "8d3f0a52-6f0e-4b0a-9a53-0d8d1c1f4e14",
    "content": "Why is the sky blue?",
    "modelId": MODEL,
}


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
