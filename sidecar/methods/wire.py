"""Records of the store as objects of the wire. Plain dicts: a model for each row of a list doubles its time."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sidecar.store.records import Conversation, Message, Project, SearchHit, Uncertain

_NOTHING = Decimal(0)


def project(record: Project) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "description": record.description,
        "settings": record.settings,
        "createdAt": record.created_at,
        "lastUsed": record.last_used,
    } | present({"chat": record.chat})


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
        "versions": record.versions or None,
        "copiedFrom": record.copied_from,
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
        **between(record.at_least_usd, record.at_most_usd),
    } | present(optional)


def bounds(uncertain: Uncertain, known_usd: Decimal = _NOTHING) -> dict[str, Any]:
    """What a sum lacks: how many calls, and what it comes to with them at least and, where bounded, at most."""
    if not uncertain.calls:
        return {}
    most = None if uncertain.unbounded else float(known_usd + uncertain.at_most_usd)
    return {
        "uncertainCalls": uncertain.calls,
        "costAtLeastUSD": float(known_usd + uncertain.at_least_usd),
    } | present({"costAtMostUSD": most})


def between(at_least_usd: Decimal | None, at_most_usd: Decimal | None) -> dict[str, float]:
    """What one call cost at least and at most, where that is told."""
    return present(
        {
            "costAtLeastUSD": None if at_least_usd is None else float(at_least_usd),
            "costAtMostUSD": None if at_most_usd is None else float(at_most_usd),
        }
    )


def search_hit(hit: SearchHit) -> dict[str, Any]:
    return {
        "message": message(hit.message),
        "conversation": conversation(hit.conversation),
        "snippet": hit.snippet,
    }


def present(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that have a value: on the wire an optional member is absent, never null."""
    return {name: value for name, value in members.items() if value is not None}
