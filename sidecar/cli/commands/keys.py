"""API keys: `abai keys set`, `list`, `check`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sidecar.cli.connection import Connection
from sidecar.cli.invocation import BROKEN, USAGE, Invocation, look, perform, show_value
from sidecar.cli.key_list import found_keys, keys_table


def listed(context: typer.Context) -> None:
    """Which providers have a key, masked, and which keys read charges. Example: `abai keys list`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        rows = await found_keys(sidecar)
        show_value(state, rows, keys_table(rows))

    look(context, work)


def save(
    context: typer.Context,
    provider: Annotated[
        str, typer.Argument(help="openai, anthropic, …; openai-admin, anthropic-admin for `abai reconcile`")
    ],
) -> None:
    """Keep a key in the system's keychain; it is typed without being shown. Example: `abai keys set openai`"""
    invocation: Invocation = context.obj
    if invocation.target.mock:
        invocation.err.print(
            "With --mock the vendors are simulated and every key is there: nothing would be kept. Leave --mock out to "
            "keep a key.",
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(USAGE)
    key = typer.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()

    async def work(sidecar: Connection, state: Invocation) -> None:
        await sidecar.call("settings:save", {"key": "apiKey", "provider": provider, "value": key})
        state.err.print("The key is kept.")

    perform(context, work)


def check(
    context: typer.Context, provider: Annotated[str, typer.Argument(help="openai, anthropic, …")]
) -> None:
    """Ask the provider, at no cost, whether it takes the key. Example: `abai keys check openai`"""

    async def work(sidecar: Connection, state: Invocation) -> bool:
        answer = await sidecar.call("settings:validate-key", {"provider": provider})
        state.out.print("The key is good." if answer["valid"] else answer["reason"])
        return bool(answer["valid"])

    if not perform(context, work):
        raise typer.Exit(BROKEN)
