"""`abai run`: a table of prompts, asked of one or several models, with its estimate first and its figures last."""

from __future__ import annotations

import asyncio
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from sidecar.cli import promptfoo
from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.projects import own_project
from sidecar.cli.words import cost_of, dollars, known_cost, lacking, percentile, seconds
from sidecar.counted import at_least, at_most, counted

ENDED = ("completed", "failed", "cancelled")
# Rows of a job that are read at a time.
PAGE = 500
SHOWN_ERRORS = 10


@dataclass(slots=True)
class PromptTable:
    """Which file is run, and how its rows become questions."""

    path: Path
    models: Sequence[str] = ()
    template: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    first: int | None = None


async def rows_given(sidecar: Connection, table: PromptTable, err: Console) -> Mapping[str, Any]:
    """Return the params that name the rows: the file by its path, or the rows themselves for a pilot.

    Raise CallRefused where a pilot has none.
    """
    wanted = {"models": list(table.models), "template": table.template, "columns": dict(table.columns)}
    if table.path.suffix.lower() in promptfoo.ENDINGS:
        config = promptfoo.read(table.path, table.models)
        if config.left_out:
            kinds = ", ".join(f"{kind} ({number:,})" for kind, number in sorted(config.left_out.items()))
            err.print(f"[yellow]These assertions are not checked here:[/] {kinds}", highlight=False)
        asked = config.rows if table.first is None else _first(config.rows, table.first)
        return {"rows": asked, **({"checks": config.checks} if config.checks else {})}
    params = {"path": str(table.path.absolute()), **{name: value for name, value in wanted.items() if value}}
    if table.first is None:
        return params
    read = await sidecar.call("batch:import", params)
    _tell(read["errors"], err)
    rows: list[dict[str, Any]] = read["rows"]
    if not rows:
        raise CallRefused(
            "The file gave no row that can be asked. Correct it, or name its columns with --columns."
        )
    return {"rows": _first(rows, table.first)}


def _tell(errors: Sequence[Mapping[str, Any]], err: Console) -> None:
    for each in errors[:SHOWN_ERRORS]:
        err.print(f"[yellow]row {each['row']}:[/] {each['message']}")
    if len(errors) > SHOWN_ERRORS:
        err.print(f"[yellow]and {len(errors) - SHOWN_ERRORS:,} more rows that cannot be read[/]")


def _first(rows: Sequence[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """The first rows of each model."""
    taken: defaultdict[str, int] = defaultdict(int)
    kept = []
    for row in rows:
        taken[row["model"]] += 1
        if taken[row["model"]] <= number:
            kept.append(row)
    return kept


async def estimate(sidecar: Connection, rows: Mapping[str, Any], err: Console) -> Mapping[str, Any]:
    """Show what the rows may cost, by every way to run them, and return it; what a file lacks is told."""
    told: Mapping[str, Any] = await sidecar.call("batch:estimate", dict(rows))
    _tell(told.get("errors", ()), err)
    number = told["counts"]["rows"] + told["counts"]["unfilled"] if "counts" in told else len(rows["rows"])
    table = Table(box=None, pad_edge=False, title=counted(number, "row"), title_justify="left")
    for name in ("way", "rows", "expected", "at least", "at most", "within"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for way in told["ways"]:
        name = "now" if way["mode"] == "local" else f"{way['provider']}'s batch API"
        hours = f"{way['withinHours']} h" if way.get("withinHours") else ""
        figures = [dollars(way["totalUSD"]), at_least(way["lowUSD"]), at_most(way["highUSD"])]
        table.add_row(name, f"{way['rows']:,}", *figures, hours)
    err.print(table)
    if told.get("unpriced"):
        err.print(
            f"No price is known for {', '.join(told['unpriced'])}: what they cost is not in these figures."
        )
    for assumption in told["assumptions"]:
        err.print(assumption, highlight=False, markup=False, soft_wrap=True)
    return told


async def submit(sidecar: Connection, rows: Mapping[str, Any], path: Path) -> str:
    """Store the rows as a job of the command line's project, and return its id."""
    project = await own_project(sidecar)
    params = {"projectId": project, "fileName": path.name, **rows}
    return str((await sidecar.call("batch:submit", params))["id"])


async def follow(
    sidecar: Connection,
    job_id: str,
    err: Console,
    *,
    retry: bool = False,
    asked: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Start a job and show it until it has ended. Cancelling the task stops the job first; its rows stay.

    `asked` are the members of a start that say what is to hold before it goes on by itself.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    shown = _Bars(err)

    def progress(told: Mapping[str, Any]) -> None:
        if told["jobId"] == job_id:
            shown.cost(cost_of(told))
            if told["status"] in ENDED and not ended.done():
                ended.set_result(None)

    def row_done(told: Mapping[str, Any]) -> None:
        if told["jobId"] == job_id:
            shown.row(told["result"])

    sidecar.on("batch:progress", progress)
    sidecar.on("batch:row-done", row_done)
    waiting = await _waiting(sidecar, job_id, retry=retry)
    with shown.of(waiting):
        method = "batch:retry-failed" if retry else "batch:start"
        try:
            # Its rows begin, and are shown, before the answer to this has come.
            await sidecar.call(method, {"jobId": job_id, "notifyRows": True, **(asked or {})})
            await ended
        except asyncio.CancelledError:
            await sidecar.call("batch:cancel", {"jobId": job_id})
            raise
    job: Mapping[str, Any] = await sidecar.call("batch:get", {"jobId": job_id})
    return job


async def _waiting(sidecar: Connection, job_id: str, *, retry: bool) -> Mapping[str, int]:
    """How many rows of each model are going to be asked."""
    found: defaultdict[str, int] = defaultdict(int)
    async for row in results(sidecar, job_id):
        ended_so = row["status"].startswith("error") if retry else row["status"] == "cancelled"
        if row["status"] == "pending" or ended_so:
            found[row["model"]] += 1
    return found


async def results(sidecar: Connection, job_id: str) -> Any:
    """Every row of a job, a page at a time."""
    offset = 0
    while page := await sidecar.call("batch:get-results", {"jobId": job_id, "offset": offset, "limit": PAGE}):
        for row in page:
            yield row
        offset += len(page)


def check_figures(job: Mapping[str, Any]) -> Table | None:
    """How each model did by each check of a job, None where there are none."""
    if not job.get("checks"):
        return None
    table = Table(box=None, pad_edge=False)
    for name in ("check", "model", "passed", "of"):
        table.add_column(name, justify="right" if name in ("passed", "of") else "left")
    for each in job["checks"]:
        table.add_row(escape(each["name"]), each["model"], f"{each['passed']:,}", f"{each['judged']:,}")
    return table


@dataclass(slots=True)
class _Figures:
    """What came of a model's rows, whose answers are not kept."""

    rows: int = 0
    failed: int = 0
    tokens: int = 0
    usd: float = 0.0
    calls: int = 0
    least: float = 0.0
    most: float | None = 0.0
    times: array[float] = field(default_factory=lambda: array("d"))

    def add(self, row: Mapping[str, Any]) -> None:
        self.rows += 1
        known = row.get("cost_usd") or row.get("settledUSD") or 0
        self.usd += known
        calls = row.get("uncertainCalls", 0)
        self.calls += calls
        self.least += row["costAtLeastUSD"] if calls else known
        most = row.get("costAtMostUSD") if calls else known
        self.most = None if self.most is None or most is None else self.most + most
        self.tokens += row["tokens_in"] + row["tokens_out"]
        self.failed += row["status"].startswith("error")
        if row["status"] == "success":
            self.times.append(row["latency_ms"])

    def told(self) -> Mapping[str, Any]:
        """As sums are told: how many calls this one lacks, and between what it lies with them."""
        most = {} if self.most is None else {"costAtMostUSD": self.most}
        return {"uncertainCalls": self.calls, "costAtLeastUSD": self.least, **most}


async def figures(sidecar: Connection, job_id: str) -> Table:
    """What came of a job, a line a model."""
    found: defaultdict[str, _Figures] = defaultdict(_Figures)
    async for row in results(sidecar, job_id):
        found[row["model"]].add(row)
    table = Table(box=None, pad_edge=False)
    for name in ("model", "rows", "failed", "tokens", "cost", "median", "95 %", ""):
        table.add_column(name, justify="left" if name in ("model", "") else "right")
    for model, each in found.items():
        counts = [f"{number:,}" for number in (each.rows, each.failed, each.tokens)]
        shown = [seconds(percentile(each.times, 0.5)), seconds(percentile(each.times, 0.95))]
        table.add_row(model, *counts, known_cost(each.usd, each.told()), *shown, lacking(each.told()))
    return table


class _Bars:
    """A bar a model on a terminal; nothing elsewhere."""

    def __init__(self, err: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}", style="red"),
            TextColumn("{task.fields[spent]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=err,
            disable=not err.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._failed: defaultdict[str, int] = defaultdict(int)
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._cost: TaskID | None = None

    def of(self, waiting: Mapping[str, int]) -> Progress:
        for model, rows in waiting.items():
            self._bars[model] = self._progress.add_task(model, total=rows, failed="", spent="", rate="")
        self._cost = self._progress.add_task("cost so far", total=None, failed="", spent="", rate="")
        return self._progress

    def row(self, result: Mapping[str, Any]) -> None:
        model = result["model"]
        bar = self._bars.get(model)
        if bar is None:
            return
        self._spent[model] += result.get("cost_usd") or result.get("settledUSD") or 0
        if result["status"] != "success":
            self._failed[model] += 1
        self._progress.advance(bar)
        speed = self._progress.tasks[bar].speed
        self._progress.update(
            bar,
            failed=f"{self._failed[model]} failed" if self._failed[model] else "",
            spent=dollars(self._spent[model]),
            rate=f"{speed:.1f} rows/s" if speed else "",
        )

    def cost(self, words: str) -> None:
        if self._cost is not None:
            self._progress.update(self._cost, description=f"cost so far {words}")
