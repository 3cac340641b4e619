"""`abai run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli.commands.jobs import follow_to_end
from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.invocation import INTERRUPTED, Invocation, end, pair, perform
from sidecar.cli.run import PromptTable, estimate, rows_given, submit
from sidecar.cli.safeguard import LIMIT_NAMES, row_count, safeguard, safeguard_words
from sidecar.counted import at_most

FORMS = "CSV, TSV, JSON, JSON Lines, XLSX, Parquet, or YAML as of promptfoo."


def run(
    context: typer.Context,
    table: Annotated[
        Path,
        typer.Argument(
            help=FORMS,
            exists=True,
            dir_okay=False,
        ),
    ],
    models: Annotated[
        list[str] | None, typer.Option("--model", "-m", help="Who is asked; each row once a model.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help='A prompt with columns: "Sum up {{text}}".')] = None,
    columns: Annotated[
        str | None, typer.Option(help="Which column is what: prompt=Question,system=Role")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before money is spent.")] = False,
    max_usd: Annotated[float | None, typer.Option(help="Refuse to begin where it may cost more.")] = None,
    first: Annotated[
        int | None, typer.Option(min=1, help="Only the first rows of each model, as a pilot.")
    ] = None,
    canary: Annotated[
        int | None,
        typer.Option(
            min=0, max=1_000, help="So many rows run first; 50 for more than 1,000 rows, 0 for none."
        ),
    ] = None,
    stop_when: Annotated[
        str | None,
        typer.Option(help="Pause beyond: errorRate=0.1,invalidJsonRate=0.1,costPerRowUSD=0.01,totalUSD=5"),
    ] = None,
    no_safeguard: Annotated[
        bool, typer.Option("--no-safeguard", help="No canary and no limits, however many rows.")
    ] = False,
) -> None:
    """Ask every row of a table, after telling what it may cost.

    Example: `abai run prompts.csv -m openai/gpt-6-luna --first 5`
    """
    named = dict(pair(each) for each in columns.split(",")) if columns else {}
    limits = dict(_limit(each) for each in stop_when.split(",")) if stop_when else {}
    wanted = PromptTable(table, models or (), prompt, named, first)

    async def work(sidecar: Connection, state: Invocation) -> int:
        rows = await rows_given(sidecar, wanted, state.err)
        told = await estimate(sidecar, rows, state.err)
        if max_usd is not None and (told.get("unpriced") or told.get("counts", {}).get("unpriced")):
            raise CallRefused(
                "No price is known for some of it, so nobody can say that it costs no more than --max-usd allows. "
                "Leave --max-usd out, or give the model a price in your models.json. Nothing was sent."
            )
        if max_usd is not None and told["highUSD"] > max_usd:
            raise CallRefused(
                f"It may cost up to {at_most(told['highUSD'])}, more than --max-usd allows. Lower the number of rows "
                "with --first, or raise --max-usd. Nothing was sent."
            )
        asked = {} if no_safeguard else safeguard(row_count(rows, told), told, canary, limits)
        if words := safeguard_words(asked):
            state.err.print(words, highlight=False)
        if not yes and not typer.confirm("Run it now?", err=True):
            raise typer.Exit(INTERRUPTED)
        return await follow_to_end(sidecar, state, await submit(sidecar, rows, table), asked=asked)

    end(perform(context, work))


def _limit(text: str) -> tuple[str, float]:
    name, value = pair(text)
    if name not in LIMIT_NAMES:
        raise typer.BadParameter(f"There is no limit {name}. There are {', '.join(LIMIT_NAMES)}.")
    try:
        return name, float(value)
    except ValueError:
        raise typer.BadParameter(f"This is no number: {value}") from None
