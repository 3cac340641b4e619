"""Where the questions of the command line are kept: a project of their own, and its newest conversation."""

from __future__ import annotations

from sidecar.cli.connection import Connection

NAME = "Command line"


async def own_project(sidecar: Connection) -> str:
    """Return the id of the project, made where it is not there yet."""
    for project in await sidecar.call("project:list"):
        if project["name"] == NAME:
            return str(project["id"])
    made = await sidecar.call("project:create", {"name": NAME, "description": "Asked with `abai`."})
    return str(made["id"])


async def conversation(sidecar: Connection, *, go_on: bool, title: str) -> str:
    """Return the id of the newest conversation to go on with, or of a new one."""
    project = await own_project(sidecar)
    if go_on:
        known = await sidecar.call("conversation:list", {"projectId": project, "limit": 1})
        if known:
            return str(known[0]["id"])
    made = await sidecar.call("conversation:create", {"projectId": project, "name": title[:60] or "Question"})
    return str(made["id"])
