"""`abai`: the commands, their flags and their exit codes.

0 all went well, 1 something is broken, 2 the command was not understood, 100 rows failed, 130 it was interrupted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from sidecar import __version__
from sidecar.cli import lists
from sidecar.cli.ask import Question
from sidecar.cli.ask import ask as ask_all
from sidecar.cli.connection import CallRefused, Connection, Target, connected
from sidecar.cli.run import PromptTable, estimate, figures, follow, rows_given, submit
from sidecar.cli.shapes import BadShape, read_shape
from sidecar.cli.words import dollars, option_values

BROKEN, USAGE, ROWS_FAILED, INTERRUPTED = 1, 2, 100, 130
FILE_WIDTH = 240
DEFAULT_MODEL = "openai/gpt-6-luna"
T = TypeVar("T")

app = typer.Typer(
    help="Ask language models, compare them, and run tables of prompts, with what it costs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys_app = typer.Typer(help="The API keys: `set`, `list`, `check`.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@dataclass(slots=True)
class Invocation:
    """What the flags in front of a command say."""

    target: Target
    as_json: bool
    out: Console
    err: Console


def _console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; where there is none, wide enough that nothing is cut off."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=FILE_WIDTH)


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
    context.obj = Invocation(Target(data_dir, mock), as_json, _console(), _console(stderr=True))


def _go(context: typer.Context, work: Callable[[Connection, Invocation], Awaitable[T]]) -> T:
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


@app.command()
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What to ask. Standard input is appended.")],
    models: Annotated[
        list[str], typer.Option("--model", "-m", help="A model; give it several times to compare.")
    ] = [DEFAULT_MODEL],  # noqa: B006
    system: Annotated[str | None, typer.Option("--system", "-s", help="The system prompt.")] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="name=value, as in: temperature=0.2")
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help='A JSON Schema, or: "name, age int, tags [string]".')
    ] = None,
) -> None:
    """Ask one or several models.

    Example: `abai ask "Why is the sky blue?" -m openai/gpt-6-luna -m grok/grok-4.7`
    """
    options = option_values([_pair(each) for each in option or []])
    if system:
        options["systemPrompt"] = system
    if schema:
        options |= {"jsonMode": True, "jsonSchema": _shape(schema)}
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    asked = Question("\n\n".join(part for part in (question, piped.strip()) if part), models, options, go_on)
    good = _go(
        context, lambda sidecar, state: ask_all(sidecar, asked, state.out, state.err, as_json=state.as_json)
    )
    if not good:
        raise typer.Exit(BROKEN)


@app.command()
def run(
    context: typer.Context,
    table: Annotated[
        Path, typer.Argument(help="CSV, TSV, JSON, JSON Lines or XLSX.", exists=True, dir_okay=False)
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
) -> None:
    """Ask every row of a table, after telling what it may cost.

    Example: `abai run prompts.csv -m openai/gpt-6-luna --first 5`
    """
    named = dict(_pair(each) for each in columns.split(",")) if columns else {}
    wanted = PromptTable(table, models or (), prompt, named, first)

    async def work(sidecar: Connection, state: Invocation) -> int:
        rows = await rows_given(sidecar, wanted, state.err)
        told = await estimate(sidecar, rows, state.err)
        if max_usd is not None and told["highUSD"] > max_usd:
            raise CallRefused(
                f"It may cost up to {dollars(told['highUSD'])}, more than --max-usd allows. Lower the number of rows "
                "with --first, or raise --max-usd. Nothing was sent."
            )
        if not yes and not typer.confirm("Run it now?", err=True):
            raise typer.Exit(INTERRUPTED)
        return await _follow(sidecar, state, await submit(sidecar, rows, table))

    _end(_go(context, work))


@app.command()
def resume(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Go on with a job that was stopped. Example: `abai resume 5f0c2e1a-…`"""
    _end(_go(context, lambda sidecar, state: _follow(sidecar, state, job)))


@app.command()
def retry(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Ask the failed rows of a job again. Example: `abai retry 5f0c2e1a-…`"""
    _end(_go(context, lambda sidecar, state: _follow(sidecar, state, job, retry=True)))


@app.command()
def cancel(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Stop a job, at the vendor too. Example: `abai cancel 5f0c2e1a-…`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        stopped = await sidecar.call("batch:cancel", {"jobId": job})
        state.err.print(lists.jobs_table([stopped]))

    _go(context, work)


@app.command()
def jobs(context: typer.Context) -> None:
    """List the jobs, newest first. Example: `abai jobs`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await lists.jobs(sidecar)
        _show(state, found, lists.jobs_table(found))

    _go(context, work)


@app.command()
def show(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Show a job and what came of it, a line a model. Example: `abai show 5f0c2e1a-…`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await sidecar.call("batch:get", {"jobId": job})
        _show(state, found, lists.jobs_table([found]), await figures(sidecar, job))

    _go(context, work)


@app.command()
def export(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="The job's id.")],
    path: Annotated[Path, typer.Argument(help="The file to write; its ending says in which form.")],
) -> None:
    """Write a job's rows and results into a file. Example: `abai export 5f0c2e1a-… results.csv`"""
    form = {".json": "json", ".jsonl": "jsonl"}.get(path.suffix.lower(), "csv")

    async def work(sidecar: Connection, state: Invocation) -> None:
        written = await sidecar.call(
            "batch:export", {"jobId": job, "path": str(path.absolute()), "format": form}
        )
        state.err.print(f"{written['rows']:,} rows are in {written['path']}")

    _go(context, work)


@app.command()
def models(
    context: typer.Context, grep: Annotated[str | None, typer.Option(help="Part of a name.")] = None
) -> None:
    """List the models with their prices a million tokens. Example: `abai models --grep sonnet`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await lists.models(sidecar, grep)
        _show(state, found, lists.models_table(found))

    _go(context, work)


@app.command()
def costs(
    context: typer.Context, by: Annotated[str, typer.Option(help="model or project")] = "model"
) -> None:
    """Show what was spent. Example: `abai costs --by project`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        table = await lists.costs_table(sidecar, by, state.out)
        _show(state, await sidecar.call("activity:stats", {}), table)

    _go(context, work)


@app.command()
def search(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """Find messages by their words. Example: `abai search "north sea"`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        state.out.print(await lists.hits_table(sidecar, words, limit))

    _go(context, work)


@app.command()
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

    _go(context, work)


@app.command()
def doctor(context: typer.Context) -> None:
    """Say whether everything that asking needs is well. Example: `abai doctor`"""

    async def work(sidecar: Connection, state: Invocation) -> bool:
        checks = await lists.doctor(sidecar)
        for what, well, words in checks:
            state.out.print(f"{'✓' if well else '✗'} {what}: {words}", highlight=False)
        return all(well for _, well, _ in checks)

    if not _go(context, work):
        raise typer.Exit(BROKEN)


@keys_app.command("list")
def keys_list(context: typer.Context) -> None:
    """Which providers have a key, masked. Example: `abai keys list`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        state.out.print(await lists.keys_table(sidecar))

    _go(context, work)


@keys_app.command("set")
def keys_set(
    context: typer.Context, provider: Annotated[str, typer.Argument(help="openai, anthropic, …")]
) -> None:
    """Keep a key in the system's keychain; it is typed without being shown. Example: `abai keys set openai`"""
    key = typer.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()

    async def work(sidecar: Connection, state: Invocation) -> None:
        await sidecar.call("settings:save", {"key": "apiKey", "provider": provider, "value": key})
        state.err.print("The key is kept.")

    _go(context, work)


@keys_app.command("check")
def keys_check(
    context: typer.Context, provider: Annotated[str, typer.Argument(help="openai, anthropic, …")]
) -> None:
    """Ask the provider, at no cost, whether it takes the key. Example: `abai keys check openai`"""

    async def work(sidecar: Connection, state: Invocation) -> bool:
        answer = await sidecar.call("settings:validate-key", {"provider": provider})
        state.out.print("The key is good." if answer["valid"] else answer["reason"])
        return bool(answer["valid"])

    if not _go(context, work):
        raise typer.Exit(BROKEN)


async def _follow(sidecar: Connection, state: Invocation, job: str, *, retry: bool = False) -> int:
    """Run a job to its end and show its figures. Return the exit code."""
    try:
        ended = await follow(sidecar, job, state.err, retry=retry)
    except asyncio.CancelledError:
        state.err.print(
            f"Stopped. What has ended stays. Go on with: [bold]abai resume {job}[/]", highlight=False
        )
        raise
    _show(state, ended, await figures(sidecar, job))
    state.err.print(f"job {job}", highlight=False)
    if ended.get("error"):
        raise CallRefused(ended["error"])
    return ROWS_FAILED if ended["failedRows"] else 0


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)


def _show(state: Invocation, value: Any, *tables: Any) -> None:
    if state.as_json:
        lists.write_json(value, state.out)
    else:
        for table in tables:
            state.out.print(table)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"Write it as name=value; this has no =: {text}")
    return name.strip(), value.strip()


def _shape(text: str) -> dict[str, Any]:
    try:
        return read_shape(text)
    except BadShape as problem:
        raise typer.BadParameter(str(problem)) from None


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
