"""project:* — the folders that conversations and jobs live in."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.store import conversations, projects
from sidecar.store.records import Project

if TYPE_CHECKING:
    from sidecar.contract.types import project as types


async def create(call: Request, params: types.ProjectCreateParams) -> dict[str, Any]:
    app = call.services
    made = await app.store.write(
        projects.create,
        app.new_id(),
        params.name,
        now=app.now_ms(),
        description=params.description or "",
        settings=params.settings or {},
        chat=_asked_with(params.chat),
    )
    await app.session.name_project(made.id)
    return wire.project(made)


async def list_(call: Request, params: None) -> list[dict[str, Any]]:
    return [wire.project(found) for found in await call.services.store.read(projects.list_all)]


async def get(call: Request, params: types.ProjectGetParams) -> dict[str, Any] | None:
    found = await call.services.store.read(projects.get, params.id)
    if found is None:
        return None
    await call.services.session.name_project(found.id)
    return wire.project(found)


async def switch(call: Request, params: types.ProjectSwitchParams) -> dict[str, Any]:
    app = call.services
    now = app.now_ms()

    def touch(conn: sqlite3.Connection) -> Project | None:
        projects.touch(conn, params.id, now)
        return projects.get(conn, params.id)

    found = _known(await app.store.write(touch))
    await app.session.name_project(found.id)
    return wire.project(found)


async def update(call: Request, params: types.ProjectUpdateParams) -> dict[str, Any]:
    def change(conn: sqlite3.Connection) -> Project | None:
        return projects.update(
            conn,
            params.id,
            name=params.name,
            description=params.description,
            settings=params.settings,
            chat=_asked_with(params.chat),
        )

    return wire.project(_known(await call.services.store.write(change)))


async def delete(call: Request, params: types.ProjectDeleteParams) -> None:
    app = call.services
    await app.batches.cancel_project(params.id)
    await app.native.cancel_project(params.id)
    # What is being answered below it is stopped first: nobody is left to read it, and it goes on costing.
    for conversation in await app.store.read(conversations.list_page, params.id):
        app.chat.abort(conversation.id)
    if not await app.store.write(projects.delete, params.id):
        raise _unknown()


def _asked_with(chat: types.ProjectChat | None) -> dict[str, Any] | None:
    return None if chat is None else chat.model_dump(by_alias=True, exclude_none=True)


def _known(project: Project | None) -> Project:
    if project is None:
        raise _unknown()
    return project


def _unknown() -> Failure:
    return Failure("not_found", "There is no such project; it may have been deleted. Choose another one.")
