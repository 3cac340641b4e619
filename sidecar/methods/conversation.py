"""conversation:* — the threads of a project."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.methods import conversation_files, wire
from sidecar.methods.services import Request
from sidecar.store import conversations, message_versions, projects
from sidecar.store.records import Conversation

if TYPE_CHECKING:
    from sidecar.contract.types import conversation as types

DEFAULT_NAME = "New conversation"
PAGE = 1_000


async def create(call: Request, params: types.ConversationCreateParams) -> dict[str, Any]:
    app = call.services
    identifier, now = params.id or app.new_id(), app.now_ms()

    def make(conn: sqlite3.Connection) -> Conversation:
        if projects.get(conn, params.project_id) is None:
            raise Failure(
                "not_found", "There is no such project to put the conversation in. Choose another one."
            )
        if conversations.get(conn, identifier) is not None:
            raise Failure(
                "conflict", "There is a conversation with this id already. Send another id, or none."
            )
        return conversations.create(conn, params.project_id, params.name or DEFAULT_NAME, identifier, now)

    made = await app.store.write(make)
    await app.session.name_project(made.project_id)
    return wire.conversation(made)


async def list_(call: Request, params: types.ConversationListParams) -> list[dict[str, Any]]:
    page = await call.services.store.read(
        conversations.list_page, params.project_id, params.limit or PAGE, params.cursor
    )
    return [wire.conversation(found) for found in page]


async def rename(call: Request, params: types.ConversationRenameParams) -> dict[str, Any]:
    renamed = await call.services.store.write(conversations.rename, params.id, params.name)
    if renamed is None:
        raise _unknown()
    return wire.conversation(renamed)


async def delete(call: Request, params: types.ConversationDeleteParams) -> None:
    call.services.chat.abort(params.id)
    if not await call.services.store.write(conversations.delete, params.id):
        raise _unknown()


async def fork(call: Request, params: types.ConversationForkParams) -> dict[str, Any]:
    app = call.services
    now = app.now_ms()

    def copy(conn: sqlite3.Connection) -> Conversation:
        source = conversations.get(conn, params.id)
        if source is None:
            raise _unknown()
        made = message_versions.fork(conn, source, params.message_id, params.name, now, app.new_id)
        if made is None:
            raise Failure(
                "not_found", "There is no such message in this conversation to fork from. List it anew."
            )
        return made

    made = await app.store.write(copy)
    await app.session.name_project(made.project_id)
    return wire.conversation(made)


async def export(call: Request, params: types.ConversationExportParams) -> dict[str, Any]:
    return await conversation_files.exported(call, params)


async def import_(call: Request, params: types.ConversationImportParams) -> dict[str, Any]:
    return await conversation_files.taken_over(call, params)


def _unknown() -> Failure:
    return Failure(
        "not_found", "There is no such conversation; it may have been deleted. Choose another one."
    )
