"""Histories that pages of services and of one's own hand out as one object, in the form that others are read in (pure).

OpenRouter's page of chats, "Export": {"version": "orpg.3.0", "characters": {id: {"id", "model"}}, "messages": {id:
{"id", "type": "user" | "assistant", "characterId": "USER" | id, "parentMessageId", "createdAt", "items": [{"id"}]}},
"items": {id: {"data": {"type": "message" | "reasoning", "content": [{"text"}]}}}}; before 3.0 a message has "content"
and "reasoning" itself. As programs that take these files over read them. A conversation that ChatGPT shares by a link:
{"title", "linear_conversation": [{"id", "message": {"author", "content"}}]}. Chatbot UI, and what was made of it:
{"version": 4, "history": [{"id", "name", "messages", "model": {"id"}}], "folders", "prompts"}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sidecar.chat.transfer.values import a_list, a_text, an_object, moment

Document = Mapping[str, Any]
_PERSON = "USER"


def conversations_in(document: Document) -> list[Any] | None:
    """Return the conversations of such a file, None for any other."""
    return next((found for read in _READERS if (found := read(document)) is not None), None)


def _openrouter(document: Document) -> list[Any] | None:
    told = an_object(document.get("messages"))
    if not a_text(document.get("version")).startswith("orpg.") or not told:
        return None
    models, items = an_object(document.get("characters")), an_object(document.get("items"))
    messages = [an_object(each) for each in told.values()]
    # In order, or as a map without one.
    messages.sort(key=lambda each: moment(each.get("createdAt") or each.get("updatedAt")) or 0)
    said = [_said(each, models, items) for each in messages]
    return [{"messages": said, "title": document.get("title"), "id": document.get("id")}]


def _said(message: Document, models: Document, items: Document) -> dict[str, Any]:
    who = a_text(message.get("characterId"))
    is_person = a_text(message.get("type")) == "user" if message.get("type") else who == _PERSON
    held = [
        an_object(an_object(items.get(a_text(an_object(each).get("id")))).get("data"))
        for each in a_list(message.get("items"))
    ]
    told = {
        "id": message.get("id"),
        "role": "user" if is_person else "assistant",
        "content": a_text(message.get("content")) or _text(held, "message"),
        "thinking": a_text(message.get("reasoning")) or _text(held, "reasoning"),
        "createdAt": message.get("createdAt") or message.get("updatedAt"),
        "model": None if is_person else an_object(models.get(who)).get("model"),
    }
    parent = message.get("parentMessageId")
    return {**told, "parentMessageId": parent} if isinstance(parent, str) else told


def _text(held: list[Any], kind: str) -> str:
    parts = (
        an_object(part)
        for each in held
        if each.get("type") == kind
        for name in ("content", "summary")
        for part in a_list(each.get(name))
    )
    return "".join(a_text(part.get("text")) for part in parts)


def _shared(document: Document) -> list[Any] | None:
    nodes = [an_object(each) for each in a_list(document.get("linear_conversation"))]
    if "mapping" in document or not any(an_object(each.get("message")) for each in nodes):
        return None
    keys = [a_text(node.get("id")) or f"#{number}" for number, node in enumerate(nodes)]
    before = [None, *keys]
    mapping = {
        key: {**node, "id": key, "parent": parent, "children": []}
        for key, node, parent in zip(keys, nodes, before, strict=False)
    }
    return [{**document, "mapping": mapping, "current_node": keys[-1]}]


def _chatbot_ui(document: Document) -> list[Any] | None:
    history = a_list(document.get("history"))
    if not any(isinstance(an_object(each).get("messages"), list) for each in history):
        return None
    return [
        {**each, "model": an_object(each.get("model")).get("id") or each.get("model")}
        for each in map(an_object, history)
        if each
    ]


_READERS: tuple[Callable[[Document], list[Any] | None], ...] = (_openrouter, _shared, _chatbot_ui)
