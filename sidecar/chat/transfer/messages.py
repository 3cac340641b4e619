"""Conversations of any program that lists what was said: who said each, and what (pure).

{"title", "messages": [{"role", "content"}]} and whatever others call these members: OpenAI's own messages, big-AGI
(`fragments`), the page of llama.cpp ({"conv", "messages"}, a tree), ShareGPT ({"conversations": [{"from", "value"}]}),
exporters beside a page ({"metadata": {"title"}, "messages": [{"role": "Prompt", "say"}]}), and records that hold a
question and its answer, as AnythingLLM and Perplexity have them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

from sidecar.chat.transfer.calls import as_conversation
from sidecar.chat.transfer.message_tree import Role, TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.speakers import model_of, role_of
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

MARK = "gathered-messages"
_LISTS = (
    "messages",
    "contents",
    "conversations",
    "conversation",
    "history",
    "turns",
    "entries",
    "msgs",
    "chat",
    "dialogue",
)
_SPEAKERS = ("role", "sender", "author", "from", "speaker", "type", "src")
_PERSON = ("is_user", "isUser", "isCreatedByUser", "fromUser", "is_human", "isHuman")
_TEXTS = (
    "content",
    "text",
    "message",
    "say",
    "value",
    "parts",
    "fragments",
    "contentParts",
    "segments",
    "body",
)
_QUESTIONS = ("prompt", "query_str", "query", "question", "user_message", "instruction")
_ANSWERS = ("response", "answer", "completion", "assistant_message", "output", "blocks", "md", "reply")
_THOUGHTS = (
    "thoughts",
    "reasoning_content",
    "reasoningContent",
    "reasoning",
    "thinking",
    "thought",
    "thinking_trace",
)
_PARENTS = ("parent", "parentId", "parent_id", "parentMessageId", "parent_message_id")
_IDS = ("id", "uuid", "_id", "messageId", "message_id")
_NAMES = ("title", "name", "topic", "subject", "userTitle", "autoTitle", "thread_title", "character_name")
# What a message says of its conversation.
_NAMED_IN = ("conversation", "conversation_name", "thread_title", "title", "workspace")
_MOMENTS = (
    *(
        "createdAt",
        "created_at",
        "create_time",
        "createTime",
        "timestamp",
        "created",
        "sent_at",
        "date",
        "time",
    ),
    *(
        "datetime",
        "created_datetime",
        "updated_datetime",
        "createdOn",
        "updatedAt",
        "updated_at",
        "lastModified",
        "creationTime",
        "datetime_utc",
        "sentAt",
        "ts",
    ),
)
_MODELS = (
    "model",
    "modelName",
    "model_name",
    "model_id",
    "modelId",
    "display_model",
    "fromModel",
    "bot",
    "botName",
)
_LEAVES = ("currNode", "currentId", "current_node", "currentNode", "activeMessageId")
_FILES = ("files", "attachments", "images", "fileList", "imageList")
# In which a log of a program has a message, beside its moment and its number.
_WRAPPED = ("message", "payload")
_GROUPS = (
    *("conversation_id", "conversationId", "chat_id", "chatId", "thread_id", "threadId", "session_id"),
    *("sessionId", "convId", "conversation", "chat", "thread", "workspace"),
)


def pieces_of(message: Any) -> list[tuple[Role, Any]]:
    """Return what one record says, by whom: a message, or a question and its answer. Nothing for anything else."""
    message = _bare(message)
    role = _role(message)
    if role is not None:
        found = next((message[name] for name in _TEXTS if message.get(name)), "")
        return [(role, found)] if any(name in message for name in _TEXTS) else []
    asked = next((message[name] for name in _QUESTIONS if isinstance(message.get(name), str)), None)
    answered = next((name for name in _ANSWERS if message.get(name)), None)
    if asked is None or answered is None:
        return []
    return [("user", asked), ("assistant", message[answered])]


def group_of(message: Mapping[str, Any]) -> str:
    """Return to which conversation a message says that it belongs; "" where it does not say."""
    return next((str(told) for name in _GROUPS if isinstance(told := message.get(name), str | int)), "")


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether this is one, or messages that were gathered."""
    value = as_conversation(value)
    said = _said(value)
    if said == []:
        return not pieces_of(value) and any(name in value for name in (*_NAMES, *_IDS))
    return said is not None and any(map(pieces_of, said))


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it with its branches. Raises ValueError with what is wrong, as the end of a sentence."""
    value = as_conversation(value)
    told = {**an_object(value.get("metadata")), **an_object(value.get("conv")), **value}
    messages = list(map(an_object, _said(value) or ()))
    if MARK in value:
        messages = _in_order(messages)
    asked = next((each for name in _MODELS if (each := a_model(told.get(name) or None))), None)
    nodes: dict[str, TreeNode] = {}
    before: str | None = None
    for message in messages:
        for node in _nodes(message, len(nodes), before, asked, nodes):
            nodes[node.key] = node
            before = node.key
    leaves = (a_text(told.get(name)) for name in _LEAVES)
    leaf = next((each for each in leaves if each in nodes), before)
    name = next((each for name in _NAMES if (each := a_text(told.get(name)).strip())), "")
    name = name or next((each for m in messages for n in _NAMED_IN if (each := a_text(m.get(n)).strip())), "")
    # Without an id it is known by what was said in it.
    own = next((each for each in map(told.get, ("key", *_IDS)) if isinstance(each, str) and each), None)
    key = own or "\n".join(node.text for node in nodes.values())
    dates = an_object(told.get("dates"))
    began = next((at for place in (told, dates) for each in _MOMENTS if (at := moment(place.get(each)))), 0)
    first = next((node.at for node in nodes.values() if node.at), None)
    return conversations_of(key, name, min(began or first or 0, first or began), nodes, leaf)


def _said(value: Mapping[str, Any]) -> list[Any] | None:
    names = (MARK, *_LISTS)
    return next((value[name] for name in names if isinstance(value.get(name), list)), None)


def _bare(record: Any) -> Mapping[str, Any]:
    """A record as it is, or with the members of the message that it is put around."""
    message: Mapping[str, Any] = an_object(record)
    for name in _WRAPPED:
        if "role" in (inside := an_object(message.get(name))):
            return {**{key: value for key, value in message.items() if key != "type"}, **inside}
    return message


def _role(message: Mapping[str, Any]) -> Role | None:
    for place in (message, an_object(message.get("src"))):
        for name in _PERSON:
            if isinstance(place.get(name), bool):
                return "user" if place[name] else "assistant"
    for name in _SPEAKERS:
        told = message.get(name)
        told = an_object(told).get("role") or an_object(told).get("name") or told
        if isinstance(told, str) and (role := role_of(told)) is not None:
            return role
    return None


def _nodes(
    message: Mapping[str, Any], number: int, before: str | None, asked: str | None, there: Container[str]
) -> list[TreeNode]:
    """The messages of one record, the second below the first; a joint for what nobody said.

    An id that is `there` is not taken again: one message would take the place of another.
    """
    message = _bare(message)
    key = next((str(told) for name in _IDS if isinstance(told := message.get(name), str | int)), "")
    if not key or key in there:
        key = f"{key}#{number}"
    parent = next((each for name in _PARENTS if isinstance(each := message.get(name), str)), before)
    at = next((at for name in _MOMENTS if (at := moment(message.get(name)))), None)
    model = next((each for name in _MODELS if (each := a_model(message.get(name) or None))), None)
    model = model or a_model(an_object(message.get("generator")).get("name") or None) or asked
    model = model or model_of(*(each for name in _SPEAKERS if isinstance(each := message.get(name), str)))
    files = [name for place in _FILES for name in named_files(message.get(place))]
    found: list[TreeNode] = []
    for role, content in pieces_of(message):
        text, thinking = words(_plain(content))
        own = joined([*(_thought(message) if role == "assistant" else ()), thinking])
        text = joined([*files, text]) if not found else text
        node = TreeNode(
            f"{key}/answer" if found else key,
            found[-1].key if found else parent,
            role,
            text,
            own,
            model if role == "assistant" else None,
            at,
        )
        found.append(node)
    return found or [TreeNode(key, parent)]


def _thought(message: Mapping[str, Any]) -> Iterable[str]:
    for name in _THOUGHTS:
        told = message.get(name)
        yield a_text(told) or a_text(an_object(told).get("content"))
        for each in map(an_object, a_list(told)):
            yield joined([a_text(each.get("subject")), a_text(each.get("description") or each.get("text"))])


def _plain(content: Any) -> Any:
    """A content in the form that `words` reads: big-AGI's fragments and Perplexity's blocks are unwrapped."""
    if isinstance(content, dict):
        return a_text(content.get("text")) or a_text(content.get("content")) or content.get("parts") or ""
    found: list[Any] = []
    for each in content if isinstance(content, list) else [content]:
        part = an_object(an_object(each).get("part")) or each
        if not isinstance(part, dict):
            found.append(part)
        elif part.get("pt") == "ma":
            found.append({"type": "thinking", "thinking": part.get("aText")})
        elif part.get("thought") is True:
            found.append({"type": "thinking", "thinking": part.get("text")})
        elif isinstance(part.get("markdown_block"), dict):
            found.append(a_text(part["markdown_block"].get("answer")))
        elif isinstance(part.get("text"), str) and part.get("type", "text") not in ("thinking", "reasoning"):
            found.append({"type": "text", "text": part["text"]})
        else:
            found.append(part)
    return found


def _in_order(messages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """In the order of their times: some files have the newest first, some have none."""
    times = [next((at for name in _MOMENTS if (at := moment(each.get(name)))), None) for each in messages]
    known = [at for at in times if at is not None]
    if len(known) < len(messages) or len(known) < 2:
        return messages
    placed = list(zip(known, messages, strict=True))
    first = next((role for role, _ in pieces_of(messages[0])), None)
    if known[0] > known[-1] or (known[0] == known[-1] and first == "assistant"):
        placed.reverse()
    return [each for _, each in sorted(placed, key=lambda pair: pair[0])]
