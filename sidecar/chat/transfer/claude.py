"""A conversation in the file that Claude exports (pure).

{"uuid", "name", "created_at", "chat_messages": [{"uuid", "sender": "human" | "assistant", "text", "content":
[{"type": "text", "text"}, …], "created_at", "attachments": [{"file_name", "extracted_content"}], "files",
"parent_message_uuid"}]}, times as ISO 8601. Older files have `text` and no `content`. What was written beside a
conversation is a call: {"type": "tool_use", "input": {"title", "content"}}, or {"path", "file_text"}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_text, an_object, moment

# The parent of what stands first.
_ROOT = "00000000-0000-4000-8000-000000000000"
_FENCES = re.compile("`{3,}")


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    return isinstance(value.get("chat_messages"), list)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    for number, message in enumerate(value["chat_messages"]):
        if isinstance(message, dict):
            node = _node(message, number, before, value.get("model"))
            nodes[node.key] = node
            before = node.key
    leaf = value.get("current_leaf_message_uuid")
    name = value.get("name")
    return conversations_of(
        str(value.get("uuid") or before or ""),
        name if isinstance(name, str) else "",
        moment(value.get("created_at")) or 0,
        nodes,
        leaf if isinstance(leaf, str) else before,
    )


def _node(message: Mapping[str, Any], number: int, before: str | None, model: Any) -> TreeNode:
    key = str(message.get("uuid") or number)
    # Older files do not say: there each message follows the one before it.
    parent = message.get("parent_message_uuid", before)
    sender = message.get("sender")
    asked = message.get("model") or model
    content = [block for block in a_list(message.get("content")) if isinstance(block, dict)]
    said = list(filter(None, map(_said, content))) or [a_text(message.get("text")).strip()]
    text = "\n\n".join(filter(None, (*said, *_attached(message))))
    return TreeNode(
        key,
        parent if isinstance(parent, str) and parent != _ROOT else None,
        "user" if sender == "human" else "assistant" if sender == "assistant" else None,
        text,
        "\n\n".join(_thoughts(content)),
        f"anthropic/{asked}" if sender == "assistant" and isinstance(asked, str) else None,
        moment(message.get("created_at")),
    )


def _said(block: Mapping[str, Any]) -> str:
    """What a block shows the person: words, spoken ones, or what was written beside the conversation."""
    if block.get("type") in ("text", "voice_note"):
        return a_text(block.get("text")).strip()
    if block.get("type") != "tool_use":
        return ""
    told = an_object(block.get("input"))
    text = (a_text(told.get("content")) or a_text(told.get("file_text"))).strip("\n")
    name = a_text(told.get("title")) or a_text(told.get("path")).rpartition("/")[2]
    if not text.strip() or not name:
        return ""
    fence = "`" * max([3, *(len(each) + 1 for each in _FENCES.findall(text))])
    return f"[{name}]\n\n{fence}\n{text}\n{fence}"


def _thoughts(content: list[Any]) -> Iterator[str]:
    for block in content:
        if block.get("type") == "thinking":
            yield a_text(block.get("thinking")).strip()


def _attached(message: Mapping[str, Any]) -> Iterator[str]:
    """What was put in beside the words: texts as they were read, other files by their names."""
    for attachment in a_list(message.get("attachments")):
        if isinstance(attachment, dict):
            words = str(attachment.get("extracted_content") or "").strip()
            yield f"[{attachment.get('file_name') or 'attachment'}]" + (f"\n\n{words}" if words else "")
    for file in a_list(message.get("files")):
        if isinstance(file, dict):
            yield f"[{file.get('file_name') or 'file'}]"
