"""messages:* — what was said."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

from sidecar.contract.types import messages as types
from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.store import conversations, messages
from sidecar.store import search as full_text
from sidecar.store.background_read import scan
from sidecar.store.records import Message, SearchHit
from sidecar.store.stoppable import Pulse

SEARCH_PAGE = 50


async def add(call: Request, params: types.MessagesAddParams) -> dict[str, Any]:
    app = call.services
    identifier, now = app.new_id(), app.now_ms()

    def insert(conn: sqlite3.Connection) -> Message:
        if conversations.get(conn, params.conversation_id) is None:
            raise Failure(
                "not_found", "There is no such conversation to add the message to. Create it first."
            )
        turn = None if params.role == "user" else messages.newest_turn(conn, params.conversation_id)
        made = Message(
            id=identifier,
            conversation_id=params.conversation_id,
            turn_id=turn or identifier,
            role=params.role,
            content=params.content,
            provider=params.provider,
            model=params.model,
            cost_usd=None if params.cost is None else Decimal(str(params.cost)),
            tokens_in=params.tokens_in,
            tokens_out=params.tokens_out,
            timestamp=now,
        )
        conversations.touch(conn, params.conversation_id, now)
        return messages.insert(conn, made)

    return wire.message(await app.store.write(insert))


async def list_(call: Request, params: types.MessagesListParams) -> list[dict[str, Any]]:
    page = await call.services.store.read(
        messages.list_page, params.conversation_id, params.limit, params.before
    )
    if page is None:
        raise Failure(
            "not_found", "There is no such message in this conversation to list from. List it anew."
        )
    return [wire.message(found) for found in page]


async def search(call: Request, params: types.MessagesSearchParams) -> dict[str, Any]:
    def find(conn: sqlite3.Connection, pulse: Pulse) -> tuple[list[SearchHit], str | None]:
        return full_text.search(
            conn, params.query, params.project_id, params.limit or SEARCH_PAGE, params.cursor
        )

    # Beside all other reads: a word that is in very many messages takes seconds.
    hits, cursor = await scan(call.services.store, find)
    return {"items": [wire.search_hit(hit) for hit in hits]} | wire.present({"nextCursor": cursor})
