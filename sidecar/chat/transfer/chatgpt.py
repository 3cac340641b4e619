"""A conversation in the file that ChatGPT exports (pure).

{"title", "create_time", "current_node", "mapping": {id: {"parent", "message": {"author": {"role"}, "content":
{"content_type", "parts"}, "create_time", "recipient", "metadata": {"model_slug"}}}}}, times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_text, an_object, moment

_THINKING = frozenset({"thoughts", "reasoning_recap"})
_NOT_SAID = frozenset({"user_editable_context", "model_editable_context", "execution_output"})


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    return isinstance(value.get("mapping"), dict)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    nodes = {
        str(key): _node(str(key), node) for key, node in value["mapping"].items() if isinstance(node, dict)
    }
    key = str(value.get("conversation_id") or value.get("id") or next(iter(nodes), ""))
    leaf = value.get("current_node")
    name = value.get("title")
    return conversations_of(
        key,
        name if isinstance(name, str) else "",
        moment(value.get("create_time")) or 0,
        nodes,
        leaf if isinstance(leaf, str) else None,
    )


def _node(key: str, value: Mapping[str, Any]) -> TreeNode:
    parent = value.get("parent")
    joint = TreeNode(key, parent if isinstance(parent, str) else None)
    message = an_object(value.get("message"))
    role = an_object(message.get("author")).get("role")
    metadata, content = an_object(message.get("metadata")), an_object(message.get("content"))
    # What is meant for a tool, or hidden from the person, was not said to anybody.
    if role not in ("user", "assistant") or metadata.get("is_visually_hidden_from_conversation"):
        return joint
    if role == "assistant" and message.get("recipient") not in (None, "all"):
        return joint
    kind, text = a_text(content.get("content_type")), _text(content)
    if kind in _NOT_SAID:
        return joint
    slug = metadata.get("model_slug")
    model = f"openai/{slug}" if role == "assistant" and isinstance(slug, str) and slug else None
    return TreeNode(
        key,
        joint.parent,
        role,
        "" if kind in _THINKING else text,
        text if kind in _THINKING else "",
        model,
        moment(message.get("create_time")),
    )


def _text(content: Mapping[str, Any]) -> str:
    if content.get("content_type") == "thoughts":
        thoughts = [an_object(each) for each in a_list(content.get("thoughts"))]
        return "\n\n".join(str(each.get("content") or each.get("summary") or "") for each in thoughts).strip()
    parts = content.get("parts")
    if not isinstance(parts, list):
        text = content.get("text") or content.get("content") or ""
        return f"```\n{text}\n```" if content.get("content_type") == "code" and text else str(text)
    return "\n\n".join(filter(None, map(_part, parts))).strip()


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    part = an_object(part)
    if isinstance(part.get("text"), str):
        return str(part["text"])
    kind = str(part.get("content_type") or "")
    return f"[{kind.removesuffix('_asset_pointer').replace('_', ' ')}]" if kind else ""
