"""A conversation in the file that Open WebUI exports (pure).

[{"id", "title", "created_at", "chat": {"title", "models", "history": {"currentId", "messages": {id: {"id",
"parentId", "role", "content", "model", "timestamp", "files"}}}}}], times in seconds; older files have what is in
`chat` alone. The shape is the one of docs.openwebui.com, "Import & Export", and of the export among LibreChat's test
data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, joined, moment, words


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    return isinstance(_history(value).get("messages"), dict)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    chat, history = an_object(value.get("chat")) or value, _history(value)
    nodes = {str(key): _node(str(key), an_object(each)) for key, each in history["messages"].items()}
    leaf = history.get("currentId")
    return conversations_of(
        str(value.get("id") or chat.get("id") or next(iter(nodes), "")),
        a_text(value.get("title")) or a_text(chat.get("title")),
        moment(value.get("created_at")) or moment(chat.get("timestamp")) or 0,
        nodes,
        leaf if isinstance(leaf, str) else None,
    )


def _history(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return an_object((an_object(value.get("chat")) or value).get("history"))


def _node(key: str, message: Mapping[str, Any]) -> TreeNode:
    parent, role = message.get("parentId"), message.get("role")
    text, thinking = words(message.get("content"))
    return TreeNode(
        key,
        parent if isinstance(parent, str) else None,
        role if role in ("user", "assistant") else None,
        joined([*_files(message), text]),
        thinking,
        a_model(message.get("model")) if role == "assistant" else None,
        moment(message.get("timestamp")),
    )


def _files(message: Mapping[str, Any]) -> list[str]:
    files = [an_object(each) for each in a_list(message.get("files"))]
    return [f"[{a_text(each.get('name')) or a_text(each.get('type')) or 'file'}]" for each in files]
