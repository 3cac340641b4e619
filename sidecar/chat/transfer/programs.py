"""The programs whose conversations can be taken over: how each is known, and read (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from sidecar.chat.transfer import (
    chatbox,
    chatgpt,
    cherrystudio,
    claude,
    deepseek,
    gemini_activity,
    grok,
    lechat,
    librechat,
    lists,
    lmstudio,
    lobechat,
    messages,
    openwebui,
    own_format,
    pages,
    rewritten,
    sillytavern,
)
from sidecar.chat.transfer.message_tree import TakenConversation

Service = Literal[
    "chatgpt",
    "claude",
    "abai",
    "gemini",
    "openwebui",
    "librechat",
    "typingmind",
    "chatbox",
    "cherrystudio",
    "nextchat",
    "betterchatgpt",
    "lmstudio",
    "jan",
    "grok",
    "deepseek",
    "lobechat",
    "lechat",
    "sillytavern",
    "other",
]


class Program(NamedTuple):
    """`label` is its name for a person; the functions take a conversation as its file has it."""

    label: str
    is_conversation: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], list[TakenConversation]]


# In the order in which they are asked: what others could take for theirs comes first.
PROGRAMS: dict[Service, Program] = {
    "gemini": Program("Gemini", gemini_activity.is_conversation, gemini_activity.read),
    "chatbox": Program("Chatbox", chatbox.is_conversation, chatbox.read),
    "cherrystudio": Program("Cherry Studio", cherrystudio.is_conversation, cherrystudio.read),
    "deepseek": Program("DeepSeek", deepseek.is_conversation, deepseek.read),
    "lobechat": Program("LobeChat", lobechat.is_conversation, lobechat.read),
    "lechat": Program("Le Chat", lechat.is_conversation, lechat.read),
    "sillytavern": Program("SillyTavern", sillytavern.is_conversation, sillytavern.read),
    "grok": Program("Grok", grok.is_conversation, grok.read),
    "jan": Program("Jan", lists.is_jan, lists.read_jan),
    "chatgpt": Program("ChatGPT", chatgpt.is_conversation, chatgpt.read),
    "claude": Program("Claude", claude.is_conversation, claude.read),
    "openwebui": Program("Open WebUI", openwebui.is_conversation, openwebui.read),
    "abai": Program("A-B/AI", own_format.is_conversation, own_format.read),
    "librechat": Program("LibreChat", librechat.is_conversation, librechat.read),
    "lmstudio": Program("LM Studio", lmstudio.is_conversation, lmstudio.read),
    "typingmind": Program("TypingMind", lists.is_typingmind, lists.read_typingmind),
    "nextchat": Program("NextChat", lists.is_nextchat, lists.read_nextchat),
    "betterchatgpt": Program("BetterChatGPT", lists.is_betterchatgpt, lists.read_betterchatgpt),
    # Whatever lists who said what.
    "other": Program("Imported", messages.is_conversation, messages.read),
}


def service_of(value: Any) -> Service | None:
    """Return whose conversation this is, None where nobody knows it."""
    if not isinstance(value, dict):
        return None
    return next((name for name, program in PROGRAMS.items() if program.is_conversation(value)), None)


_HOLDING = (
    *(deepseek.page, lobechat.topics, lists.typingmind_chats, lists.nextchat_sessions),
    *(cherrystudio.topics, chatbox.sessions, pages.conversations_in, rewritten.conversations_in),
)


def conversations_in(document: Mapping[str, Any]) -> list[Any]:
    """Return the conversations in a file that is one object: those it holds, or the one that it is."""
    for held in _HOLDING:
        found = held(document)
        if found is not None:
            return found
    return [document]
