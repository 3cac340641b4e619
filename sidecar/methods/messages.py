"""messages:* — what was said."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.store import conversations, message_json, message_versions, messages
from sidecar.store import search as full_text
from sidecar.store.background_read import scan
from sidecar.store.records import Message, SearchHit
from sidecar.store.stoppable import Pulse

if TYPE_CHECKING:
    from sidecar.contract.types import messages as types

SEARCH_PAGE = 50

T = TypeVar("T")


async def add(call: Request, params: types.MessagesAddParams) -> dict[str, Any]:
    app = call.services
    identifier, now = app.new_id(), app.now_ms()

    def insert(conn: sqlite3.Connection) -> Message:
        if conversations.touch(conn, params.conversation_id, now) is None:
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
        return messages.insert(conn, made)

    return wire.message(await app.store.write(insert))


async def list_(call: Request, params: types.MessagesListParams) -> orjson.Fragment:
    page = await call.services.store.read(
        message_json.list_page, params.conversation_id, params.limit, params.before
    )
    return orjson.Fragment(page)


async def edit(call: Request, params: types.MessagesEditParams) -> dict[str, Any]:
    app = call.services
    if not params.content.strip():
        raise Failure("invalid_params", "The message would be empty. Write something, or delete it.")
    edited = await app.store.write(
        message_versions.edit, params.id, params.content, app.new_id(), app.now_ms()
    )
    return wire.message(_known(edited))


async def versions(call: Request, params: types.MessagesVersionsParams) -> list[dict[str, Any]]:
    found = await call.services.store.read(message_versions.versions, params.id)
    return [wire.message(each) for each in _known(found)]


async def regenerate(call: Request, params: types.MessagesRegenerateParams) -> dict[str, Any]:
    question, answer = await call.services.store.read(_asked_again, params.id, params.model_id)
    model = params.model_id or (answer.model if answer is not None else None)
    if model is None:
        raise Failure("invalid_params", "Nobody knows which model to ask. Name it in `modelId`.")
    # Loaded with the first that asks again: a list of messages needs none of it.
    from sidecar.chat.chat_types import ChatInput
    from sidecar.contract.types.chat import ChatOptions
    from sidecar.methods import chat

    given = {} if params.options is None else params.options.model_dump(by_alias=True)
    chosen = ChatOptions.model_validate(given)
    return await chat.ask_again(
        call,
        ChatInput(
            question.content,
            model,
            question.conversation_id,
            turn_id=question.turn_id,
            replaces=None if answer is None else answer.id,
            options=chat.options_of(chosen, params.system_prompt),
        ),
    )


async def delete(call: Request, params: types.MessagesDeleteParams) -> dict[str, int]:
    def remove(conn: sqlite3.Connection) -> int:
        found = _known(messages.get(conn, params.id))
        if found.role == "user" and message_versions.is_being_answered(conn, found):
            raise Failure("conflict", "This question is being answered. Stop that first, then delete it.")
        return message_versions.delete(conn, found)

    return {"deleted": await call.services.store.write(remove)}


async def search(call: Request, params: types.MessagesSearchParams) -> dict[str, Any]:
    def find(conn: sqlite3.Connection, pulse: Pulse) -> tuple[list[SearchHit], str | None]:
        return full_text.search(
            conn, params.query, params.project_id, params.limit or SEARCH_PAGE, params.cursor
        )

    # Beside all other reads: a word that is in very many messages takes seconds.
    hits, cursor = await scan(call.services.store, find)
    return {"items": [wire.search_hit(hit) for hit in hits]} | wire.present({"nextCursor": cursor})


def _asked_again(
    conn: sqlite3.Connection, message_id: str, model: str | None
) -> tuple[Message, Message | None]:
    """The question to ask again, and the answer whose place the new one is to take, where there is one."""
    named = _known(messages.get(conn, message_id))
    question = messages.get(conn, named.turn_id)
    if question is None or question.role != "user":
        raise Failure("not_found", "The question to this answer is not there any more. Ask it anew.")
    if named.role == "assistant":
        return question, named
    answers = messages.answers_of_turn(conn, question.id)
    return question, next((each for each in answers if model is not None and each.model == model), None)


def _known(found: T | None) -> T:
    if found is None:
        raise Failure("not_found", "There is no such message; it may have been deleted. Load the list again.")
    return found
