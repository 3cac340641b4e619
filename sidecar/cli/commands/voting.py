"""`abai vote`, `board`."""

from __future__ import annotations

from typing import Annotated

import typer

from sidecar.cli import voting
from sidecar.cli.connection import Connection
from sidecar.cli.invocation import Invocation, look, perform

Job = Annotated[str | None, typer.Argument(help="A job's id; without one, the last question that was asked.")]


def vote(context: typer.Context, job: Job = None) -> None:
    """Say which answer is best without knowing whose it is. Example: `abai vote` after `abai ask … -m A -m B`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        if await voting.vote(sidecar, job, state.err):
            await voting.show_board(sidecar, job, state)

    perform(context, work)


def board(context: typer.Context, job: Job = None) -> None:
    """Show how each model does in the votes so far, and what a win costs. Example: `abai board`"""
    look(context, lambda sidecar, state: voting.show_board(sidecar, job, state))
