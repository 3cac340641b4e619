"""What was spent: `abai costs`, `explain`, `reconcile`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli import lists
from sidecar.cli.connection import Connection
from sidecar.cli.figures import explained, explained_table, reconciled_table
from sidecar.cli.invocation import Invocation, look, perform, show_value


class By(StrEnum):
    """What a line of what was spent is of."""

    DAY = "day"
    MONTH = "month"
    MODEL = "model"
    PROJECT = "project"


class Group(StrEnum):
    """What a line of a reconciliation is of."""

    MODEL = "model"
    DAY = "day"


def costs(
    context: typer.Context, by: Annotated[By, typer.Option(help="A line a day, month, …")] = By.MODEL
) -> None:
    """Show what was spent. Example: `abai costs --by project`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        table = await lists.costs_table(sidecar, by.value)
        show_value(state, await sidecar.call("activity:stats", {}), table)

    look(context, work)


def explain(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(help="The id of a message, of a job, or of a call that an error names.")
    ],
    row: Annotated[str | None, typer.Option(help="Only this row of the job.")] = None,
) -> None:
    """Show line by line what an answer or a batch cost. Example: `abai explain 5f0c2e1a-… --row row-1`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await explained(sidecar, what, row)
        show_value(state, found, explained_table(found))

    look(context, work)


def reconcile(
    context: typer.Context,
    provider: Annotated[str, typer.Argument(help="openai, anthropic, gemini, …")],
    first: Annotated[str, typer.Option("--from", help="The first day, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="The last day, YYYY-MM-DD.")],
    file: Annotated[
        Path | None, typer.Option(help="A CSV file of the vendor's console.", exists=True, dir_okay=False)
    ] = None,
    group: Annotated[
        Group, typer.Option(help="A line for each day and model, or one for each day.")
    ] = Group.MODEL,
) -> None:
    """Lay our figures beside the vendor's. Example: `abai reconcile openai --from 2026-11-01 --to 2026-11-30`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        params = {"provider": provider, "from": first, "to": last, "group": group.value}
        found = await sidecar.call(
            "cost:reconcile", params | ({"path": str(file.absolute())} if file else {})
        )
        show_value(state, found, reconciled_table(found))
        for note in found["notes"] if not state.as_json else ():
            state.err.print(note, highlight=False)

    perform(context, work)
