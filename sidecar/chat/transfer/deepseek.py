"""A conversation in the file that DeepSeek exports, and as its page has one (pure).

[{"id", "title", "inserted_at", "mapping": {id: {"parent", "message": {"model", "inserted_at", "files":
[{"file_name"}], "fragments": [{"type": "REQUEST" | "THINK" | "RESPONSE", "content"}]}}}}]; in older files a message
has "content" and "reasoning_content", and nothing says whose it is: a question and its answer take turns. The page:
{"data": {"biz_data": {"chat_session": {"id", "title", "current_message_id"}, "chat_messages": [{"message_id",
"parent_id", "role", …}]}}}. As programs that convert these exports, and samples beside them, have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import Role, TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, joined, moment, named_files

_MARK = "deepseek-page"
_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant"}


def page(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the conversation of DeepSeek's page, None for another file."""
    told = an_object(an_object(document.get("data")).get("biz_data"))
    return [{_MARK: told}] if isinstance(told.get("chat_messages"), list) else None


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one of an export, or one that `page` returned."""
    return _MARK in value or (isinstance(value.get("mapping"), dict) and "inserted_at" in value)


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    if _MARK in value:
        told = an_object(an_object(value[_MARK]).get("chat_session"))
        said = {
            str(each.get("message_id")): (_key(each.get("parent_id")), each)
            for each in map(an_object, a_list(value[_MARK].get("chat_messages")))
        }
    else:
        told = value
        said = {
            str(key): (_key(an_object(node).get("parent")), an_object(an_object(node).get("message")))
            for key, node in value["mapping"].items()
        }
    roles = _roles(said)
    nodes = {key: _node(key, parent, message, roles[key]) for key, (parent, message) in said.items()}
    return conversations_of(
        a_text(told.get("id")) or next(iter(nodes), ""),
        a_text(told.get("title")),
        moment(told.get("inserted_at")) or 0,
        nodes,
        _key(told.get("current_message_id")),
    )


def _key(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _roles(said: Mapping[str, tuple[str | None, Mapping[str, Any]]]) -> dict[str, Role | None]:
    """Who said each: as it says, or else in turns from the beginning on."""
    below: dict[str | None, list[str]] = {}
    for key, (parent, _) in said.items():
        below.setdefault(parent if parent in said else None, []).append(key)
    found: dict[str, Role | None] = dict.fromkeys(said)
    waiting: list[tuple[str, Role]] = [(key, "user") for key in below.get(None, ())]
    while waiting:
        key, turn = waiting.pop()
        message = said[key][1]
        role = _told_role(message) or turn
        if message:
            found[key] = role
        after: Role = "assistant" if message and role == "user" else "user"
        waiting += ((each, after) for each in below.get(key, ()))
    return found


def _told_role(message: Mapping[str, Any]) -> Role | None:
    kinds = {a_text(an_object(each).get("type")) for each in a_list(message.get("fragments"))}
    if kinds:
        return "user" if "REQUEST" in kinds else "assistant"
    return _ROLES.get(a_text(message.get("role")).casefold())


def _node(key: str, parent: str | None, message: Mapping[str, Any], role: Role | None) -> TreeNode:
    said, thought = [a_text(message.get("content"))], [a_text(message.get("reasoning_content"))]
    thought.append(a_text(message.get("thinking_content")))
    for fragment in map(an_object, a_list(message.get("fragments"))):
        kind, text = a_text(fragment.get("type")), a_text(fragment.get("content"))
        if kind == "THINK":
            thought.append(text)
        elif kind.endswith(("REQUEST", "RESPONSE")):
            said.append(text)
    return TreeNode(
        key,
        parent,
        role,
        joined([*named_files(message.get("files")), *said]),
        joined(thought),
        a_model(message.get("model") or None) if role == "assistant" else None,
        moment(message.get("inserted_at")),
    )
