"""A conversation in the file that Claude exports (pure).

{"uuid", "name", "created_at", "chat_messages": [{"uuid", "sender": "human" | "assistant", "text", "content":
[{"type": "text", "text"}, …], "created_at", "attachments": [{"file_name", "extracted_content"}], "files",
"parent_message_uuid"}]}, times as ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, moment

# The parent of what stands first.
_ROOT = "00000000-0000-4000-8000-000000000000"


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
    text = "\n\n".join(filter(None, (*_blocks(content, "text"), *_attached(message))))
    return TreeNode(
        key,
        parent if isinstance(parent, str) and parent != _ROOT else None,
        "user" if sender == "human" else "assistant" if sender == "assistant" else None,
        text or str(message.get("text") or ""),
        "\n\n".join(_blocks(content, "thinking")),
        f"anthropic/{asked}" if sender == "assistant" and isinstance(asked, str) else None,
        moment(message.get("created_at")),
    )


def _blocks(content: list[Any], kind: str) -> Iterator[str]:
    for block in content:
        if block.get("type") == kind and isinstance(block.get(kind), str):
            yield block[kind].strip()


def _attached(message: Mapping[str, Any]) -> Iterator[str]:
    """What was put in beside the words: texts as they were read, other files by their names."""
    for attachment in a_list(message.get("attachments")):
        if isinstance(attachment, dict):
            words = str(attachment.get("extracted_content") or "").strip()
            yield f"[{attachment.get('file_name') or 'attachment'}]" + (f"\n\n{words}" if words else "")
    for file in a_list(message.get("files")):
        if isinstance(file, dict):
            yield f"[{file.get('file_name') or 'file'}]"
