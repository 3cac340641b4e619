"""A conversation of Mistral's Le Chat, a file `chat-<id>.json` in the ZIP file that it sends (pure).

[{"id", "chatId", "role", "content", "contentChunks": [{"type": "text", "text"} | {"type": "tool_call", …} |
{"type": "reference", …}] or null, "createdAt", "files": [{"type", "name"}]}], in no order, times as ISO 8601; it has no
name. As programs that read these exports have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_text, an_object, joined, moment, named_files, unfolded

MARK = "lechat"


def key_of(value: Mapping[str, Any]) -> str | None:
    """Return to which conversation a message belongs, None for what is no message of Le Chat's."""
    known = "contentChunks" in value and "role" in value
    return a_text(value.get("chatId")) or None if known else None


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether these are messages of one conversation, gathered."""
    return MARK in value


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    for message in sorted(value[MARK], key=lambda each: moment(each.get("createdAt")) or 0):
        role = message.get("role")
        text, thinking = unfolded(_text(message))
        key = a_text(message.get("id")) or str(len(nodes))
        nodes[key] = TreeNode(
            key,
            before,
            role if role in ("user", "assistant") else None,
            joined([*named_files(message.get("files")), text]),
            thinking,
            at=moment(message.get("createdAt")),
        )
        before = key
    return conversations_of(value["key"], "", 0, nodes, before)


def _text(message: Mapping[str, Any]) -> str:
    """What was said; without what tools were asked, and with nothing between its pieces."""
    chunks = map(an_object, a_list(message.get("contentChunks")))
    return "".join(a_text(each.get("text")) for each in chunks) or a_text(message.get("content"))
