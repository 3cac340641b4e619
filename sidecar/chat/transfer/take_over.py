"""Stores conversations that were had elsewhere. What was taken over before is left as it is."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sidecar.chat.transfer.message_tree import TakenConversation, TakenMessage
from sidecar.chat.transfer.programs import PROGRAMS, Service
from sidecar.store import conversations, messages
from sidecar.store.records import Message
from sidecar.store.turns import IMPORTED, name_from

# Ids follow from where a message stood, so that the same file brings nothing twice into a project.
_NAMESPACE = uuid.UUID("5d0a9a52-3c1e-4f0e-9f43-0a8d1c7b62e4")


def store(
    conn: sqlite3.Connection, project_id: str, service: Service, taken: Iterable[TakenConversation]
) -> tuple[int, int, int]:
    """Return how many conversations and messages were added, and how many conversations were there before.

    Raises sqlite3.IntegrityError when there is no such project.
    """
    added = said = known = 0
    for each in taken:
        conversation_id = _id(project_id, service, each.key)
        if conversations.get(conn, conversation_id) is not None:
            known += 1
            continue
        first = next((message.text for message in each.messages if message.role == "user"), "")
        conversations.create(
            conn, project_id, each.name or name_from(first), conversation_id, each.created_at, IMPORTED
        )
        keys = {message.key: _id(conversation_id, message.key) for message in each.messages}
        for message in each.messages:
            made = _message(message, conversation_id, keys, service)
            messages.insert(conn, made, in_place=True)
        conversations.touch(conn, conversation_id, max(message.at for message in each.messages))
        added, said = added + 1, said + len(each.messages)
    return added, said, known


def _message(taken: TakenMessage, conversation_id: str, keys: dict[str, str], service: Service) -> Message:
    was = taken.as_it_was or {}
    answered = taken.role == "assistant"
    provider = was.get("provider") if was else PROGRAMS[service].label
    return Message(
        id=keys[taken.key],
        conversation_id=conversation_id,
        turn_id=keys.get(taken.turn, keys[taken.key]),
        role=taken.role,
        content=taken.text,
        timestamp=taken.at,
        provider=provider if answered and isinstance(provider, str) else None,
        model=taken.model if answered else None,
        cost_usd=_money(was.get("cost")),
        tokens_in=_count(was.get("tokensIn")),
        tokens_out=_count(was.get("tokensOut")),
        thinking=taken.thinking or None,
        citations=_citations(was.get("citations")),
        finish_reason=was["finishReason"] if isinstance(was.get("finishReason"), str) else None,
        superseded_by=None if taken.version_of is None else keys.get(taken.version_of),
    )


def _id(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "\n".join(names)))


def _money(value: Any) -> Decimal | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6
    return Decimal(str(value)) if usable else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _citations(value: Any) -> tuple[dict[str, str], ...] | None:
    if not isinstance(value, list):
        return None
    pages = [each for each in value if isinstance(each, dict) and isinstance(each.get("url"), str)]
    return tuple({"url": each["url"], "title": str(each.get("title") or "")} for each in pages) or None
