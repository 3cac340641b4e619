"""`abai`: its flags and its commands, by what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from sidecar import __version__
from sidecar.cli.commands import apart, asking, catalogue, jobs, keys, looking, money, tables, voting
from sidecar.cli.connection import Target
from sidecar.cli.invocation import Invocation, console
from sidecar.cli.refusals import Commands

app = typer.Typer(
    cls=Commands,
    help="Ask language models, compare them, and run tables of prompts, with what it costs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys_app = typer.Typer(help="The API keys: `set`, `list`, `check`.", no_args_is_help=True)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"abai {__version__}")
        raise typer.Exit


@app.callback()
def main_flags(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the data lives; the app's own folder otherwise.")
    ] = None,
    mock: Annotated[
        bool, typer.Option("--mock", help="Simulated vendors: no key, no network, no cost.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Flags of every command."""
    context.obj = Invocation(Target(data_dir, mock), as_json, console(), console(stderr=True))


def flags_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the flags of every command in front, wherever a person has put them."""
    before: list[str] = []
    behind: list[str] = []
    given = iter(arguments)
    for each in given:
        if each == "--":
            return [*before, *behind, each, *given]
        if each in ("--json", "--mock") or each.startswith("--data-dir="):
            before.append(each)
        elif each == "--data-dir":
            before += [each, *islice(given, 1)]
        else:
            behind.append(each)
    return before + behind


COMMANDS = {
    "Ask": (asking.ask, tables.run),
    "Jobs": (
        jobs.jobs,
        jobs.show,
        jobs.resume,
        jobs.retry,
        jobs.cancel,
        jobs.collect,
        jobs.export,
        jobs.report,
        jobs.compare,
    ),
    "Votes": (voting.vote, voting.board),
    "Models and money": (
        catalogue.models,
        catalogue.discover,
        money.costs,
        money.explain,
        money.reconcile,
    ),
    "Look": (looking.search, looking.doctor, looking.call, looking.schema),
    "Without vendors": (apart.demo, apart.replay, apart.simulator),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        settings = apart.SETTINGS.get(command.__name__)
        app.command(rich_help_panel=panel, context_settings=settings)(command)
keys_app.command("set")(keys.save)
keys_app.command("list")(keys.listed)
keys_app.command("check")(keys.check)
app.add_typer(keys_app, name="keys", rich_help_panel="Models and money")
