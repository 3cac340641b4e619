"""What was run: `abai jobs`, `show`, `resume`, `retry`, `cancel`, `collect`, `export`, `report`, `compare`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from sidecar.cli import comparing, lists
from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.exporting import export_rows, export_wide
from sidecar.cli.invocation import ROWS_FAILED, Invocation, end, look, perform, show_value
from sidecar.cli.run import check_figures, figures, follow, results
from sidecar.counted import counted


class Beside(StrEnum):
    """What can be written beside a report."""

    MD = "md"
    CSV = "csv"
    XLSX = "xlsx"


def resume(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Go on with a job that was stopped. Example: `abai resume 5f0c2e1a-…`"""
    end(perform(context, lambda sidecar, state: follow_to_end(sidecar, state, job)))


def retry(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Ask the failed rows of a job again. Example: `abai retry 5f0c2e1a-…`"""
    end(perform(context, lambda sidecar, state: follow_to_end(sidecar, state, job, retry=True)))


def cancel(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Stop a job, at the vendor too. Example: `abai cancel 5f0c2e1a-…`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        stopped = await sidecar.call("batch:cancel", {"jobId": job})
        state.err.print(lists.jobs_table([stopped]))
        _tell_trouble(state, stopped)

    perform(context, work)


def jobs(context: typer.Context) -> None:
    """List the jobs, newest first. Example: `abai jobs`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await lists.jobs(sidecar)
        show_value(state, found, lists.jobs_table(found))

    look(context, work)


def show(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Show a job and what came of it, a line a model. Example: `abai show 5f0c2e1a-…`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await sidecar.call("batch:get", {"jobId": job})
        show_value(state, found, lists.jobs_table([found]), *await _tables(sidecar, found))
        _tell_trouble(state, found)

    look(context, work)


def collect(context: typer.Context, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Fetch results that the vendor may still have; nothing is paid again. Example: `abai collect 5f0c2e1a-…`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        found = await sidecar.call("batch:collect", {"jobId": job})
        show_value(state, found, lists.jobs_table([found]))
        _tell_trouble(state, found)

    perform(context, work)


def export(
    context: typer.Context,
    job: Annotated[str, typer.Argument(help="The job's id.")],
    path: Annotated[Path, typer.Argument(help="The file to write; its ending says in which form.")],
    wide: Annotated[
        bool, typer.Option("--wide", help="A line a question, with columns for each model: .csv or .xlsx.")
    ] = False,
) -> None:
    """Write a job's rows and results into a file. Example: `abai export 5f0c2e1a-… results.csv`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        written = await (export_wide if wide else export_rows)(sidecar, job, path.absolute())
        state.err.print(
            f"{counted(written['rows'], 'row is', 'rows are')} in {written['path']}", soft_wrap=True
        )
        for remark in written.get("remarks", ()):
            state.err.print(remark, soft_wrap=True, highlight=False, markup=False)

    look(context, work)


def report(
    context: typer.Context,
    jobs: Annotated[list[str], typer.Argument(help="The jobs' ids.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The page to write.")] = Path("report.html"),
    also: Annotated[
        list[Beside] | None, typer.Option("--also", help="Written beside it: md, csv, xlsx; may be repeated.")
    ] = None,
) -> None:
    """Write a report on jobs as one page that needs nothing else. Example: `abai report 5f0c2e1a-… -o report.html`"""
    beside = ["markdown" if each is Beside.MD else each.value for each in also or []]
    wanted = {"jobIds": jobs, "path": str(out.absolute()), "beside": beside}

    async def work(sidecar: Connection, state: Invocation) -> None:
        written = await sidecar.call("batch:report", wanted)
        if state.as_json:
            lists.write_json(written, state.out)
            return
        for file in written["files"]:
            state.err.print(f"{file['bytes']:>12,} bytes  {file['path']}", highlight=False, markup=False)

    look(context, work)


def compare(
    context: typer.Context,
    first: Annotated[str, typer.Argument(help="A job's id.")],
    second: Annotated[str, typer.Argument(help="The id of the job to compare it with.")],
) -> None:
    """Lay two jobs beside each other, model by model. Example: `abai compare 5f0c2e1a-… 0d2f4b6c-…`"""

    async def work(sidecar: Connection, state: Invocation) -> None:
        ones = [row async for row in results(sidecar, first)]
        others = [row async for row in results(sidecar, second)]
        found = comparing.compared(ones, others)
        if state.as_json:
            lists.write_json(found, state.out)
            return
        state.out.print(comparing.models_table(found))
        state.out.print(comparing.in_words(found), highlight=False)
        if found["different"]:
            state.out.print(comparing.differences_table(found))

    look(context, work)


def _tell_trouble(state: Invocation, job: Mapping[str, Any]) -> None:
    """What is wrong with a job, or keeps it from going on: it may say what it still costs."""
    if job.get("error"):
        state.err.print(job["error"], highlight=False, markup=False, soft_wrap=True)


async def _tables(sidecar: Connection, job: Mapping[str, Any]) -> list[Table]:
    checked = check_figures(job)
    return [await figures(sidecar, job["id"]), *([] if checked is None else [checked])]


async def follow_to_end(
    sidecar: Connection,
    state: Invocation,
    job: str,
    *,
    retry: bool = False,
    asked: Mapping[str, Any] | None = None,
) -> int:
    """Run a job to its end and show its figures. Return the exit code."""
    try:
        ended = await follow(sidecar, job, state.err, retry=retry, asked=asked)
    except asyncio.CancelledError:
        state.err.print(
            f"Stopped. What has ended stays. Go on with: [bold]abai resume {job}[/]", highlight=False
        )
        raise
    show_value(state, ended, *await _tables(sidecar, ended))
    state.err.print(f"job {job}", highlight=False)
    if ended.get("error"):
        raise CallRefused(ended["error"])
    return ROWS_FAILED if ended["failedRows"] else 0
