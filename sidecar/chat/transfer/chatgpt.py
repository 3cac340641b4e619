"""A conversation in the file that ChatGPT exports (pure).

{"title", "create_time", "current_node", "mapping": {id: {"parent", "message": {"author": {"role"}, "content":
{"content_type", "parts"}, "create_time", "recipient", "metadata": {"model_slug"}}}}}, times in seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_text, an_object, joined, moment, named_files

_PICTURE = "[image]"
_THINKING = frozenset({"thoughts", "reasoning_recap"})
# What the assistant writes into the canvas beside a conversation, and not into it.
_CANVAS = ("canmore.create_textdoc", "canmore.update_textdoc")
# A mark of private characters that its page shows as a link, a name or a picture.
_MARK = re.compile("\ue200([^\ue200\ue201\ue202]*)(?:\ue202([^\ue200\ue201]*))?\ue201")
_NOT_SAID = frozenset({"user_editable_context", "model_editable_context", "execution_output"})


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one."""
    return isinstance(value.get("mapping"), dict)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    asked = a_text(value.get("default_model_slug"))
    nodes = {
        str(key): _node(str(key), node, asked)
        for key, node in value["mapping"].items()
        if isinstance(node, dict)
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


def _node(key: str, value: Mapping[str, Any], asked: str) -> TreeNode:
    parent = value.get("parent")
    joint = TreeNode(key, parent if isinstance(parent, str) else None)
    message = an_object(value.get("message"))
    role = an_object(message.get("author")).get("role")
    metadata, content = an_object(message.get("metadata")), an_object(message.get("content"))
    # What is meant for a tool, or hidden from the person, was not said to anybody.
    if role not in ("user", "assistant") or metadata.get("is_visually_hidden_from_conversation"):
        return joint
    recipient = message.get("recipient")
    if role == "assistant" and recipient not in (None, "all", *_CANVAS):
        return joint
    kind, text = a_text(content.get("content_type")), _text(content)
    text = (
        _written(text)
        if recipient in _CANVAS
        else _unmarked(text, a_list(metadata.get("content_references")))
    )
    if kind in _NOT_SAID:
        return joint
    # Newer files tell the model of a conversation and not of each answer.
    slug = a_text(metadata.get("model_slug")) or asked
    model = f"openai/{slug}" if role == "assistant" and slug else None
    text = _with_files(metadata, text) if role == "user" else text
    return TreeNode(
        key,
        joint.parent,
        role,
        "" if kind in _THINKING else text,
        text if kind in _THINKING else "",
        model,
        moment(message.get("create_time")),
    )


def _with_files(metadata: Mapping[str, Any], text: str) -> str:
    """A question with the names of the files beside it; that of a picture stands where the picture does."""
    files = [an_object(each) for each in a_list(metadata.get("attachments"))]
    pictures = [each for each in files if a_text(each.get("mime_type")).startswith("image/")]
    if len(pictures) != text.count(_PICTURE):
        return joined(
            [*named_files([each for each in files if each not in pictures or _PICTURE not in text]), text]
        )
    for name in named_files(pictures, "image"):
        text = text.replace(_PICTURE, name.replace(_PICTURE, "[an image]"), 1)
    return joined([*named_files([each for each in files if each not in pictures]), text])


def _text(content: Mapping[str, Any]) -> str:
    if content.get("content_type") == "thoughts":
        thoughts = [an_object(each) for each in a_list(content.get("thoughts"))]
        return "\n\n".join(str(each.get("content") or each.get("summary") or "") for each in thoughts).strip()
    parts = content.get("parts")
    if not isinstance(parts, list):
        text = content.get("text") or content.get("content") or ""
        return f"```\n{text}\n```" if content.get("content_type") == "code" and text else str(text)
    return "\n\n".join(filter(None, map(_part, parts))).strip()


def _written(call: str) -> str:
    """What a call wrote into the canvas: a new text, or one in the place of all of it. Nothing of a smaller change."""
    try:
        value = an_object(json.loads(call.removeprefix("```\n").removesuffix("\n```")))
    except (ValueError, RecursionError):
        return ""
    whole = (each for each in map(an_object, a_list(value.get("updates"))) if each.get("pattern") == ".*")
    return a_text(value.get("content")) or a_text(next(whole, {}).get("replacement"))


def _unmarked(text: str, references: list[Any]) -> str:
    """The text with what its page shows in the place of each mark, as far as the file says it."""
    if "\ue200" not in text:
        return text
    shown = {a_text(each.get("matched_text")): a_text(each.get("alt")) for each in map(an_object, references)}

    def instead(mark: re.Match[str]) -> str:
        return shown.get(mark[0]) or (_name(mark[2] or "") if mark[1] == "entity" else "")

    return _MARK.sub(instead, text)


def _name(told: str) -> str:
    """What an entity is called: the second of what is told of it."""
    try:
        return a_text(a_list(json.loads(told))[1])
    except (ValueError, IndexError, RecursionError):
        return ""


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    part = an_object(part)
    if isinstance(part.get("text"), str):
        return str(part["text"])
    kind = str(part.get("content_type") or "")
    return f"[{kind.removesuffix('_asset_pointer').replace('_', ' ')}]" if kind else ""
