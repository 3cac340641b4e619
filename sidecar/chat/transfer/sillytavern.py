"""A chat as SillyTavern, and programs that write its files, keep it: JSON Lines (pure).

{"user_name", "character_name", "create_date", "chat_metadata"} in the first line, then {"name", "is_user",
"is_system", "mes", "send_date", "swipes": [text], "swipe_id", "extra": {"model", "reasoning"}} in each; a swipe is
another answer. As tools that read these chats have it; those of Character.AI are saved so too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TreeNode, conversations_of
from sidecar.chat.transfer.values import a_list, a_model, a_text, an_object, moment, unfolded

MARK = "sillytavern"


def key_of(value: Mapping[str, Any]) -> str | None:
    """Return to which conversation of its file a line belongs, which has one; None for what is no such line."""
    is_head = "character_name" in value and ("user_name" in value or "chat_metadata" in value)
    return "" if is_head or ("mes" in value and "is_user" in value) else None


def is_conversation(value: Mapping[str, Any]) -> bool:
    """Whether these are the lines of one chat, gathered."""
    return MARK in value


def read(value: Mapping[str, Any]) -> list[TakenConversation]:
    """Return it; swipes are versions. Raises ValueError with what is wrong, as the end of a sentence."""
    head = an_object(next((each for each in value[MARK] if "mes" not in each), None))
    nodes: dict[str, TreeNode] = {}
    shown: str | None = None
    for number, line in enumerate(each for each in value[MARK] if "mes" in each):
        said = a_text(line.get("mes"))
        swipes = [each for each in a_list(line.get("swipes")) if isinstance(each, str)] or [said]
        chosen = _chosen(line.get("swipe_id"), said, swipes)
        for which, text in enumerate(swipes):
            nodes[f"{number}.{which}"] = _node(
                f"{number}.{which}", shown, line, said if which == chosen else text
            )
        shown = f"{number}.{chosen}"
    name, began = a_text(head.get("character_name")), moment(head.get("create_date")) or 0
    first = next((node.text for node in nodes.values() if node.text), "")
    return conversations_of(f"{began}/{name}/{first}", name, began, nodes, shown)


def _chosen(told: Any, said: str, swipes: list[str]) -> int:
    if type(told) is int and 0 <= told < len(swipes):
        return told
    return swipes.index(said) if said in swipes else 0


def _node(key: str, parent: str | None, line: Mapping[str, Any], said: str) -> TreeNode:
    person, more = line.get("is_user") is True, an_object(line.get("extra"))
    text, thinking = unfolded(said)
    return TreeNode(
        key,
        parent,
        None if line.get("is_system") is True else "user" if person else "assistant",
        text,
        thinking or a_text(more.get("reasoning")),
        None if person else a_model(more.get("model") or None),
        moment(line.get("send_date")),
    )
