"""Models and servers: `abai models`, `discover`."""

from __future__ import annotations

from typing import Annotated

import typer

from sidecar.cli import lists
from sidecar.cli.connection import Connection
from sidecar.cli.invocation import Invocation, look, perform, show_value


def models(
    context: typer.Context, grep: Annotated[str | None, typer.Option(help="Part of a name.")] = None
) -> None:
    """List the models with their prices a million tokens. Example: `abai models --grep sonnet`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await lists.models(sidecar, grep)
        show_value(state, found, lists.models_table(found))

    look(context, work)


def discover(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(help="openai, ollama, … or a name for a new server.")],
    url: Annotated[str | None, typer.Option(help="The address of a server that is no provider yet.")] = None,
) -> None:
    """Ask a provider or a server which models it has. Example: `abai discover ollama --url http://127.0.0.1:11434`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        params = {"provider": provider} | ({"baseUrl": url} if url else {})
        found = (await sidecar.call("models:discover", params))["models"]
        show_value(state, found, lists.discovered_table(found))

    perform(context, work)
