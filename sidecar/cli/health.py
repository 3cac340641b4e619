"""`abai doctor`: what asking needs, looked at one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar import __version__
from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.terminal_words import in_terminal_words

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """`what` was looked at, whether it is well, and what was found."""

    what: str
    well: bool
    words: str


async def examine(sidecar: Connection) -> AsyncIterator[Check]:
    """Yield each check as it is done: disk and database first, then keys, and each vendor that a key is there for."""
    found = await sidecar.call("system:doctor")
    folder, database, versions = found["folder"], found["database"], found["versions"]
    yield Check(
        "version", True, f"{__version__}, protocol {versions['protocol']}, SQLite {versions['sqlite']}"
    )
    free = folder.get("freeBytes")
    room = "" if free is None else f", {free / GIB:.1f} GiB free"
    yield Check("data folder", folder["exists"] and folder["writable"], folder["path"] + room)
    damage = await _damage(sidecar) if database["status"] == "ok" else None
    yield Check("database", database["status"] == "ok" and damage is None, damage or database["status"])
    for problem in found["problems"]:
        yield Check("problem", False, in_terminal_words(problem))
    if "salvaged" in found:
        yield Check("salvaged", True, found["salvaged"])
    try:
        settings: Mapping[str, Any] = await sidecar.call("settings:load", {})
    except CallRefused as refused:
        # They are in the database; the way to the vendors is looked at without them all the same.
        yield Check("settings", False, refused.message)
        settings = {}
    yield Check("proxy", True, _text(settings, "proxy") or "what the environment and the system say")
    yield Check("certificates", True, _text(settings, "caFile") or "the system's")
    for name, state in (await sidecar.call("settings:load", {"key": "allKeys"})).items():
        yield _key(name, state)
        if state["configured"]:
            yield await _vendor(sidecar, name)


async def _damage(sidecar: Connection) -> str | None:
    """What is told of a database that opens and is damaged all the same: only reading all of it shows that."""
    try:
        checked = await sidecar.call("data:check")
    except CallRefused as refused:
        return refused.message
    return None if checked["sound"] else in_terminal_words(checked["advice"])


def _text(settings: Mapping[str, Any], name: str) -> str | None:
    value = settings.get(name)
    return None if value is None else str(value)


def _key(name: str, state: Mapping[str, Any]) -> Check:
    words = "there" if state["configured"] else "none"
    return Check(f"key of {name}", "problem" not in state, state.get("problem") or words)


async def _vendor(sidecar: Connection, name: str) -> Check:
    """Ask the vendor whether it takes the key, which costs nothing and shows whether the way there is open."""
    try:
        answer = await sidecar.call("settings:validate-key", {"provider": name})
    except CallRefused as refused:
        return Check(f"network to {name}", False, refused.message)
    return Check(f"network to {name}", bool(answer["valid"]), "open" if answer["valid"] else answer["reason"])
