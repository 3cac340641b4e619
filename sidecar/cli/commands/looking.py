"""`abai search`, `call`, `doctor`, `schema`."""

from __future__ import annotations

import importlib.resources
import json
from dataclasses import asdict
from typing import Annotated

import typer

from sidecar import resources
from sidecar.cli import lists
from sidecar.cli.connection import Connection
from sidecar.cli.health import examine
from sidecar.cli.invocation import BROKEN, Invocation, look, perform, show_value
from sidecar.cli.words import option_values


def search(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """Find messages by their words. Example: `abai search "north sea"`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        hits = (await sidecar.call("messages:search", {"query": words, "limit": limit}))["items"]
        show_value(state, hits, lists.hits_table(hits))

    look(context, work)


def call(
    context: typer.Context,
    method: Annotated[str, typer.Argument(help="A method of the contract.")],
    params: Annotated[str, typer.Argument(help="Its params as JSON.")] = "{}",
) -> None:
    """Call any method. Example: `abai call models:get '{"id": "grok-4.7"}'`"""
    given = option_values([("params", params)])["params"]
    if not isinstance(given, dict):
        raise typer.BadParameter("The params are a JSON object.")

    async def work(sidecar: Connection, state: Invocation) -> None:
        lists.write_json(await sidecar.call(method, given), state.out)

    perform(context, work)


def doctor(context: typer.Context) -> None:
    """Say whether everything that asking needs is well. Example: `abai doctor`"""

    async def work(sidecar: Connection, state: Invocation) -> bool:
        checks = []
        async for check in examine(sidecar):
            checks.append(check)
            if not state.as_json:
                mark = "✓" if check.well else "✗"
                state.out.print(f"{mark} {check.what}: {check.words}", highlight=False)
        if state.as_json:
            lists.write_json([asdict(each) for each in checks], state.out)
        return all(each.well for each in checks)

    if not look(context, work):
        raise typer.Exit(BROKEN)


def schema(
    context: typer.Context,
    ts: Annotated[bool, typer.Option("--ts", help="As TypeScript types instead.")] = False,
) -> None:
    """Print the whole contract as OpenRPC, or as TypeScript types. Example: `abai schema --ts > contract.ts`"""
    state: Invocation = context.obj
    if ts:
        state.out.file.write(resources.read_bytes("bridge/src/contract.ts").decode("utf-8"))
        return
    document = importlib.resources.files("sidecar.contract").joinpath("openrpc.json")
    lists.write_json(json.loads(document.read_text("utf-8")), state.out)
