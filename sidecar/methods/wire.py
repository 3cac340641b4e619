"""Records of the store as objects of the wire. Plain dicts: a model for each row of a list doubles its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.store.records import Conversation, Message, Project, SearchHit


def project(record: Project) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "description": record.description,
        "settings": record.settings,
        "createdAt": record.created_at,
        "lastUsed": record.last_used,
    }


def conversation(record: Conversation) -> dict[str, Any]:
    return {
        "id": record.id,
        "projectId": record.project_id,
        "name": record.name,
        "createdAt": record.created_at,
        "lastUsed": record.last_used,
    }


def message(record: Message) -> dict[str, Any]:
    optional = {
        "thinking": record.thinking,
        "citations": list(record.citations) if record.citations else None,
        "finishReason": record.finish_reason,
    }
    return {
        "id": record.id,
        "conversationId": record.conversation_id,
        "role": record.role,
        "content": record.content,
        "provider": record.provider,
        "model": record.model,
        "cost": None if record.cost_usd is None else float(record.cost_usd),
        "tokensIn": record.tokens_in,
        "tokensOut": record.tokens_out,
        "timestamp": record.timestamp,
        "turnId": record.turn_id,
    } | present(optional)


def search_hit(hit: SearchHit) -> dict[str, Any]:
    return {
        "message": message(hit.message),
        "conversation": conversation(hit.conversation),
        "snippet": hit.snippet,
    }


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value: on the wire an optional member is absent, never null."""
    return {name: value for name, value in members.items() if value is not None}
