"""A conversation in the file that LobeChat exports (pure).

{"exportType", "version", "state": {"sessions": [{"id", "meta": {"title"}}], "topics": [{"id", "title"}], "messages":
[{"id", "role", "content", "reasoning": {"content"}, "parentId", "sessionId", "topicId", "threadId", "createdAt",
"extra": {"fromModel"}, "fileList", "error"}]}}, times in ms; with a database below it the same tables in {"data",
"mode": "pglite" | "postgres", "schemaHash"}, with `model` and times as ISO 8601. The shape is the one of the types
`ConfigFile` and `ExportPgDataStructure` in its sources. What belongs to no topic is the conversation of its session.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import (
    a_list,
    a_model,
    a_text,
    an_object,
    joined,
    moment,
    named_files,
    words,
)

_MARK = "lobechat"
_FILES = ("fileList", "files", "imageList")


def topics(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the conversations in a file of LobeChat with their names; None for another file."""
    tables = an_object(document.get("state" if "exportType" in document else "data"))
    messages = tables.get("messages")
    if not isinstance(messages, list) or not {"exportType", "schemaHash", "mode"} & document.keys():
        return None
    names = {
        a_text(each.get("id")): a_text(each.get("title")) or a_text(an_object(each.get("meta")).get("title"))
        for table in ("sessions", "topics")
        for each in map(an_object, a_list(tables.get(table)))
    }
    found: dict[tuple[str, str], list[Any]] = {}
    for message in map(an_object, messages):
        about = a_text(message.get("topicId")) or a_text(message.get("sessionId"))
        found.setdefault((about, a_text(message.get("threadId"))), []).append(message)
    return [
        {_MARK: said, "key": "/".join(filter(None, key)), "name": names.get(key[0], "")}
        for key, said in found.items()
    ]


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one that `topics` returned."""
    return _MARK in value


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it; other answers are versions. Raises ValueError with what is wrong, as the end of a sentence."""
    nodes: dict[str, TreeNode] = {}
    shown: str | None = None
    for message in sorted(value[_MARK], key=lambda each: moment(each.get("createdAt")) or 0):
        asked = a_text(message.get("parentId"))
        node = _node(message, asked if asked in nodes else shown, str(len(nodes)))
        nodes[node.key] = node
        # An older question that was answered again is not gone on with.
        if shown is None or node.role == "user" or node.parent in (shown, nodes[shown].parent):
            shown = node.key
    return conversations_of(value["key"], value["name"], 0, nodes, shown)


def _node(message: Mapping[str, Any], parent: str | None, number: str) -> TreeNode:
    role = message.get("role")
    text, thinking = words(message.get("content"))
    files = [name for place in _FILES for name in named_files(message.get(place))]
    reasoning = message.get("reasoning")
    asked = a_text(message.get("model")) or an_object(message.get("extra")).get("fromModel")
    return TreeNode(
        a_text(message.get("id")) or number,
        parent,
        role if role in ("user", "assistant") else None,
        joined([*files, text]),
        joined([a_text(reasoning) or a_text(an_object(reasoning).get("content")), thinking]),
        a_model(asked or message.get("fromModel")) if role == "assistant" else None,
        moment(message.get("createdAt")),
    )
