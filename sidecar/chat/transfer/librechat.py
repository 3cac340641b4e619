"""A conversation in the file that LibreChat exports (pure).

{"conversationId", "title", "recursive", "options": {"model"}, "messages": [{"messageId", "parentMessageId", "sender",
"isCreatedByUser", "text", "content": [{"type": "text" | "think", …}], "model", "error", "createdAt", "children"}]},
times as ISO 8601; `children` hold the messages that follow where "recursive" is true. The shape is the one of the
exports among LibreChat's own test data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, joined, moment, words


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    return isinstance(value.get("conversationId"), str) and isinstance(_messages(value), list)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    asked = an_object(value.get("options")).get("model")
    nodes: dict[str, TreeNode] = {}
    waiting = list(reversed(a_list(_messages(value))))
    while waiting:
        message = an_object(waiting.pop())
        node = _node(message, f"{len(nodes)}", asked)
        nodes[node.key] = node
        waiting += reversed(a_list(message.get("children")))
    # The last of what was said again is what LibreChat shows.
    return conversations_of(value["conversationId"], a_text(value.get("title")), 0, nodes, None)


def _messages(value: Mapping[str, Any]) -> Any:
    return value.get("messages") or value.get("messagesTree")


def _node(message: Mapping[str, Any], number: str, asked: Any) -> TreeNode:
    parent, person = message.get("parentMessageId"), message.get("isCreatedByUser")
    text, thinking = words(message.get("content") or message.get("text"))
    said = not message.get("error") and isinstance(person, bool)
    return TreeNode(
        a_text(message.get("messageId")) or number,
        parent if isinstance(parent, str) else None,
        ("user" if person else "assistant") if said else None,
        joined([*_files(message), text]),
        thinking,
        None if person else a_model(message.get("model"), asked),
        moment(message.get("createdAt")),
    )


def _files(message: Mapping[str, Any]) -> list[str]:
    files = [an_object(each) for each in a_list(message.get("files"))]
    return [f"[{a_text(each.get('filename')) or 'file'}]" for each in files]
