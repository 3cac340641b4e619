"""A conversation as LM Studio keeps it, a file `….conversation.json` in its folder `conversations` (pure).

{"name", "createdAt", "messages": [{"currentlySelected", "versions": [{"role", "type": "singleStep", "content":
[{"type": "text", "text"}]} or {"role", "type": "multiStep", "senderInfo": {"senderName"}, "steps": [{"type":
"contentBlock", "style": {"type": "thinking"}, "content"}]}]}]}, in ms; messages have no times. As programs that read
these files have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, joined, moment, words


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    messages = a_list(value.get("messages"))
    return bool(messages) and all("versions" in an_object(each) for each in messages)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its versions. Raises ValueError with what is wrong, as the end of a sentence."""
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    for number, message in enumerate(map(an_object, value["messages"])):
        versions = a_list(message.get("versions"))
        for which, version in enumerate(map(an_object, versions)):
            node = _node(f"{number}.{which}", before, version)
            nodes[node.key] = node
        chosen = message.get("currentlySelected")
        if versions:
            usable = type(chosen) is int and 0 <= chosen < len(versions)
            before = f"{number}.{chosen if usable else len(versions) - 1}"
    name, began = a_text(value.get("name")), moment(value.get("createdAt")) or 0
    first = next((node.text for node in nodes.values() if node.text), "")
    return conversations_of(f"{began}/{name}/{first}", name, began, nodes, before)


def _node(key: str, parent: str | None, version: Mapping[str, Any]) -> TreeNode:
    role = version.get("role")
    said, thought = words(_parts(version.get("content")))
    saids, thoughts = [said], [thought]
    for step in map(an_object, a_list(version.get("steps"))):
        if step.get("type") == "contentBlock":
            text, thinking = words(_parts(step.get("content")))
            apart = an_object(step.get("style")).get("type") == "thinking"
            saids.append("" if apart else text)
            thoughts += [thinking, text if apart else ""]
    return TreeNode(
        key,
        parent,
        role if role in ("user", "assistant") else None,
        joined(saids),
        joined(thoughts),
        a_model(an_object(version.get("senderInfo")).get("senderName")) if role == "assistant" else None,
    )


def _parts(content: Any) -> list[Any]:
    parts = map(an_object, a_list(content))
    return [{"type": "image"} if each.get("fileType") == "image" else each for each in parts]
