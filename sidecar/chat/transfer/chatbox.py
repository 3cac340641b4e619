"""A conversation in the file that Chatbox exports (pure).

{"__exported_items", "chat-sessions-list": [{"id", "name"}], "session:<id>": {"id", "name", "messages": [{"id",
"role", "content" or "contentParts": [{"type": "text", "text"}], "reasoningContent", "timestamp", "model", "error"}],
"threads": [{"id", "name", "messages"}], "messageForksHash": {id: {"lists": [{"messages"}]}}}}, times in ms. Older
files have the sessions in the list itself. As Chatbox's "Export Data" writes it and AetherLink's importer reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.lists import chain
from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_text, an_object

_MARK = "chatbox"


def sessions(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the conversations in a file of Chatbox, earlier threads of one apart; None for another file."""
    listed = document.get("chat-sessions-list") or document.get("chat-sessions")
    if not isinstance(listed, list) and "__exported_items" not in document:
        return None
    known = {key: an_object(value) for key, value in document.items() if key.startswith("session:")}
    inline = [each for each in map(an_object, a_list(listed)) if isinstance(each.get("messages"), list)]
    found: list[Any] = []
    for session in (*known.values(), *inline):
        for thread in map(an_object, a_list(session.get("threads"))):
            name = f"{a_text(session.get('name'))} ({a_text(thread.get('name')) or 'earlier'})"
            found.append({_MARK: {**session, **thread, "name": name}})
        found.append({_MARK: session})
    return found


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one that `sessions` returned."""
    return _MARK in value


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    session = an_object(value[_MARK])
    nodes: dict[str, TreeNode] = {}
    leaf = chain(_said(session.get("messages")), None, nodes)
    for fork, ways in an_object(session.get("messageForksHash")).items():
        for way in a_list(an_object(ways).get("lists")):
            if fork in nodes:
                chain(_said(an_object(way).get("messages")), None, nodes, fork)
    key = a_text(session.get("id")) or next(iter(nodes), "")
    return conversations_of(key, a_text(session.get("name")), 0, nodes, leaf)


def _said(messages: Any) -> list[Mapping[str, Any]]:
    return [each for each in map(an_object, a_list(messages)) if not each.get("error")]
