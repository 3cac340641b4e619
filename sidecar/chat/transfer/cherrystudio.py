"""A conversation in the backup that Cherry Studio writes, a ZIP file with `data.json` (pure).

{"time", "version", "indexedDB": {"topics": [{"id", "messages": [{"id", "role", "askId", "blocks": [id], "content",
"reasoning_content", "model": {"id"}, "foldSelected", "createdAt"}]}], "message_blocks": [{"id", "type", "content"}]},
"localStorage": {"persist:cherry-studio": JSON with "assistants": JSON with "assistants": [{"topics": [{"id",
"name"}]}]}}, times as ISO 8601. Older files have the words in the messages, and no blocks. As Cherry Studio's docs on
its data have it, and as programs that convert its backups read and write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, joined, moment

_MARK = "cherry-studio"
_SAID = frozenset({"main_text", "translation"})
_BETWEEN = {"image": "[image]", "file": "[file]"}


def topics(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the conversations in a backup of Cherry Studio with their names and blocks; None for another file."""
    database = an_object(document.get("indexedDB"))
    listed = database.get("topics")
    if not isinstance(listed, list):
        return None
    names = _names(an_object(document.get("localStorage")).get("persist:cherry-studio"))
    blocks = {
        a_text(block.get("id")): block for block in map(an_object, a_list(database.get("message_blocks")))
    }
    return [
        {
            _MARK: topic,
            "name": names.get(a_text(topic.get("id")), a_text(topic.get("name"))),
            "blocks": blocks,
        }
        for topic in map(an_object, listed)
    ]


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one that `topics` returned."""
    return _MARK in value


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it; answers of other models are versions. Raises ValueError with what is wrong, as a sentence's end."""
    topic, blocks = an_object(value[_MARK]), value["blocks"]
    nodes: dict[str, TreeNode] = {}
    shown: str | None = None
    chosen = False
    for number, message in enumerate(map(an_object, a_list(topic.get("messages")))):
        node = _node(message, str(number), blocks)
        asked = a_text(message.get("askId"))
        if node.role == "assistant" and asked in nodes:
            nodes[node.key] = replace(node, parent=asked)
            before = nodes.get(shown or "")
            # Of several answers to a question the one that is unfolded is gone on with, or else the last.
            if before is None or before.parent != asked or not chosen:
                shown, chosen = node.key, message.get("foldSelected") is True
        else:
            nodes[node.key] = replace(node, parent=shown)
            shown, chosen = node.key, False
    began = moment(topic.get("createdAt")) or 0
    return conversations_of(a_text(topic.get("id")), value["name"], began, nodes, shown)


def _node(message: Mapping[str, Any], number: str, blocks: Mapping[Any, Mapping[str, Any]]) -> TreeNode:
    role = message.get("role")
    said, thought = [a_text(message.get("content"))], [a_text(message.get("reasoning_content"))]
    for key in a_list(message.get("blocks")):
        block = blocks.get(key) if isinstance(key, str) else None
        if block is None:
            continue
        kind, text = a_text(block.get("type")), a_text(block.get("content"))
        if kind in _SAID:
            said.append(text)
        elif kind == "thinking":
            thought.append(text)
        elif kind == "code" and text:
            said.append(f"```\n{text}\n```")
        elif kind in _BETWEEN:
            said.append(_BETWEEN[kind])
    return TreeNode(
        a_text(message.get("id")) or number,
        None,
        role if role in ("user", "assistant") else None,
        joined(said),
        joined(thought),
        a_model(an_object(message.get("model")).get("id")) if role == "assistant" else None,
        moment(message.get("createdAt")),
    )


def _names(kept: Any) -> dict[str, str]:
    """The names of topics, which are kept as JSON inside JSON."""
    found: dict[str, str] = {}
    assistants = _json(an_object(_json(kept)).get("assistants"))
    for assistant in map(an_object, a_list(an_object(assistants).get("assistants"))):
        for topic in map(an_object, a_list(assistant.get("topics"))):
            found[a_text(topic.get("id"))] = a_text(topic.get("name"))
    return found


def _json(text: Any) -> Any:
    try:
        return orjson.loads(text) if isinstance(text, str) else text
    except orjson.JSONDecodeError:
        return None
