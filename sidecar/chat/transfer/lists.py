"""Conversations of programs that write one message behind the other, all in one file (pure).

BetterChatGPT: {"version", "folders", "chats": [{"id", "title", "config": {"model"}, "messages": [{"role",
"content"}]}]}, as in its types `ExportV1` and `ChatInterface`; it has no times. TypingMind: {"data": {"chats":
[{"chatID" | "id", "chatTitle", "createdAt", "model", "messages": [{"uuid", "role", "content", "model",
"createdAt"}]}]}}, times as ISO 8601, as big-AGI reads its exports. NextChat (ChatGPT-Next-Web):
{"chat-next-web-store": {"sessions": [{"id", "topic", "lastUpdate", "messages": [{"id", "role", "content", "date",
"model", "isError"}]}]}}; `date` is as the browser writes dates, and is understood where the year comes first. As
programs that convert between it and others read and write it. Jan: `messages.jsonl` of a thread, a line for each
message: {"id", "object": "thread.message", "thread_id", "role", "created_at", "content": [{"type": "text", "text":
{"value"}}]}, as its docs on messages have it.

Contents are texts, or lists of parts as OpenAI has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, moment, words

THREAD = "thread.messages"


def is_betterchatgpt(value: Mapping[str, Any]) -> bool:
    """Whether this is a conversation of BetterChatGPT."""
    return _has_messages(value) and isinstance(value.get("config"), dict) and "title" in value


def read_betterchatgpt(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    asked = an_object(value.get("config")).get("model")
    return _read(value.get("id"), value.get("title"), value["messages"], 0, asked)


def typingmind_chats(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the conversations in a file of TypingMind, None for another file."""
    chats = an_object(document.get("data")).get("chats")
    return chats if isinstance(chats, list) else None


def is_typingmind(value: Mapping[str, Any]) -> bool:
    """Whether this is a conversation of TypingMind."""
    return _has_messages(value) and ("chatTitle" in value or "chatID" in value)


def read_typingmind(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    key, began = value.get("chatID") or value.get("id"), moment(value.get("createdAt")) or 0
    return _read(key, value.get("chatTitle"), value["messages"], began, value.get("model"))


def nextchat_sessions(document: Mapping[str, Any]) -> list[Any] | None:
    """Return the conversations in a file of NextChat, None for another file."""
    sessions = an_object(document.get("chat-next-web-store")).get("sessions")
    return sessions if isinstance(sessions, list) else None


def is_nextchat(value: Mapping[str, Any]) -> bool:
    """Whether this is a conversation of NextChat."""
    return _has_messages(value) and "topic" in value


def read_nextchat(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    said = [each for each in map(an_object, value["messages"]) if not each.get("isError")]
    asked = an_object(an_object(value.get("mask")).get("modelConfig")).get("model")
    first = next((at for each in said if (at := moment(each.get("date")))), None)
    return _read(
        value.get("id"), value.get("topic"), said, first or moment(value.get("lastUpdate")) or 0, asked
    )


def is_jan(value: Mapping[str, Any]) -> bool:
    """Whether these are the messages of a thread of Jan's."""
    return bool(a_list(value.get(THREAD)))


def read_jan(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it. Raises ValueError with what is wrong, as the end of a sentence."""
    said = sorted(map(an_object, value[THREAD]), key=lambda each: moment(each.get("created_at")) or 0)
    return _read(said[0].get("thread_id"), None, said, 0, None)


def chain(
    messages: Iterable[Any], asked: Any, nodes: dict[str, TreeNode], parent: str | None = None
) -> str | None:
    """Add messages that follow each other behind `parent`, and return the key of the last one."""
    for message in map(an_object, messages):
        role = message.get("role")
        text, thinking = words(message.get("contentParts") or message.get("content"))
        key = a_text(message.get("id")) or a_text(message.get("uuid")) or f"#{len(nodes)}"
        nodes[key] = TreeNode(
            key,
            parent,
            role if role in ("user", "assistant") else None,
            text,
            thinking or a_text(message.get("reasoningContent")),
            a_model(message.get("model"), asked) if role == "assistant" else None,
            next(
                (
                    at
                    for name in ("createdAt", "created_at", "timestamp", "date")
                    if (at := moment(message.get(name)))
                ),
                None,
            ),
        )
        parent = key
    return parent


def _read(key: Any, name: Any, messages: Iterable[Any], began: int, asked: Any) -> list[TakenConversation]:
    nodes: dict[str, TreeNode] = {}
    leaf = chain(messages, asked, nodes)
    # Without an id it is known by what was said in it.
    own = key if isinstance(key, str) and key else "\n".join(node.text for node in nodes.values())
    return conversations_of(own, a_text(name), began, nodes, leaf)


def _has_messages(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("messages"), list)
