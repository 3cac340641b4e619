"""Which keys there are, masked: those of vendors, of servers of one's own, and those that only read charges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from rich.table import Table

from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.lists import table_of
from sidecar.contract.providers import PROVIDERS

# Those of vendors who tell charges to such a key: told also where there is none, so that one learns of them.
ADMIN_KEYS = {"openai-admin": "OPENAI_ADMIN_KEY", "anthropic-admin": "ANTHROPIC_ADMIN_KEY"}

_OWN = "none: `abai keys set {}`, where that server wants one"


async def found_keys(sidecar: Connection) -> list[Mapping[str, Any]]:
    """Return a row for each: `name`, `key` masked or None, `note` on what it is for or what is in the way."""
    return [row async for row in _rows(sidecar)]


def keys_table(rows: list[Mapping[str, Any]]) -> Table:
    """A line a key."""
    table = table_of(("name", "key", ""))
    for row in rows:
        table.add_row(row["name"], row["key"] or "–", row["note"])
    return table


async def _rows(sidecar: Connection) -> AsyncIterator[Mapping[str, Any]]:
    states = await sidecar.call("settings:load", {"key": "allKeys"})
    for name, state in states.items():
        key = await _masked(sidecar, name) if state["configured"] else None
        yield {"name": name, "key": key, "note": state.get("problem") or ("" if key else _how(name))}
    own = {row["provider"] for row in await sidecar.call("models:get-all", {})} - states.keys()
    for name in sorted(own):
        row = await _row(sidecar, name, "")
        yield row if row["key"] or row["note"] else {**row, "note": _OWN.format(name)}
    for name, variable in ADMIN_KEYS.items():
        provider = name.removesuffix("-admin")
        yield await _row(
            sidecar, name, f"reads what was charged, for `abai reconcile {provider}`; also {variable}"
        )
    for name in sorted(own):
        admin = await _row(sidecar, f"{name}-admin", f"reads what was charged, for `abai reconcile {name}`")
        if admin["key"]:
            yield admin


def _how(provider: str) -> str:
    """How a key that is not there would come to be there."""
    variables = " or ".join(next(each.key_variables for each in PROVIDERS if each.name == provider))
    return f"none: `abai keys set {provider}`, or {variables} in the environment"


async def _row(sidecar: Connection, name: str, note: str) -> Mapping[str, Any]:
    try:
        return {"name": name, "key": await _masked(sidecar, name), "note": note}
    except CallRefused as refused:
        return {"name": name, "key": None, "note": refused.message}


async def _masked(sidecar: Connection, name: str) -> str | None:
    masked: str | None = await sidecar.call("settings:load", {"key": "apiKey", "provider": name})
    return masked
