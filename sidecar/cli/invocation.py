"""What every command does: reads the flags in front of it, opens a connection, turns errors into exit codes.

0 all went well, 1 something is broken, 2 the command was not understood, 100 rows failed, 130 it was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import typer
from rich.console import Console

from sidecar.cli import lists
from sidecar.cli.connection import CallRefused, Connection, Target, connected
from sidecar.cli.shapes import BadShape, read_shape

BROKEN, USAGE, ROWS_FAILED, INTERRUPTED = 1, 2, 100, 130
FILE_WIDTH = 240
DEFAULT_MODEL = "openai/gpt-6-luna"
T = TypeVar("T")


@dataclass(slots=True)
class Invocation:
    """What the flags in front of a command say."""

    target: Target
    as_json: bool
    out: Console
    err: Console


def console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal; where there is none, wide enough that nothing is cut off."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=FILE_WIDTH)


def look(context: typer.Context, work: Callable[[Connection, Invocation], Awaitable[T]]) -> T:
    """Run as `perform` does what only looks: it works while the app has the data folder, and no job goes on by it."""
    state: Invocation = context.obj
    context.obj = replace(state, target=replace(state.target, looking=True))
    return perform(context, work)


def perform(context: typer.Context, work: Callable[[Connection, Invocation], Awaitable[T]]) -> T:
    """Run a command's work with a connection; errors become sentences and exit codes."""
    state: Invocation = context.obj

    async def run() -> T:
        async with connected(state.target) as sidecar:
            return await work(sidecar, state)

    try:
        return asyncio.run(run())
    except CallRefused as refused:
        state.err.print(f"[red]{refused.message}[/]", highlight=False)
        raise typer.Exit(USAGE if refused.kind == "invalid_params" else BROKEN) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def end(code: int) -> None:
    if code:
        raise typer.Exit(code)


def show_value(state: Invocation, value: Any, *tables: Any) -> None:
    if state.as_json:
        lists.write_json(value, state.out)
    else:
        for table in tables:
            state.out.print(table)


def pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"Write it as name=value; this has no =: {text}")
    return name.strip(), value.strip()


def shape(text: str) -> dict[str, Any]:
    try:
        return read_shape(text)
    except BadShape as problem:
        raise typer.BadParameter(str(problem)) from None
