"""What is looked at: jobs, models, keys, costs, messages, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from sidecar.cli.connection import Connection
from sidecar.cli.words import dollars, known_cost, lacking
from sidecar.counted import counted

BAR_WIDTH = 30
# How many of the last days are looked at.
DAYS: Mapping[str, int] = {"day": 30, "month": 366}
Spent = tuple[str, float | None, Mapping[str, Any]]
_FIGURES = frozenset(
    {"in", "out", "context", "rows", "failed", "cost", "number", "a million", "ours", "theirs", "difference"}
    | {"rating", "wins", "losses", "ties", "a win"}
)


async def jobs(sidecar: Connection) -> list[Mapping[str, Any]]:
    """Return the jobs of every project, newest first."""
    found = []
    for project in await sidecar.call("project:list"):
        found += await sidecar.call("batch:list", {"projectId": project["id"]})
    return sorted(found, key=lambda job: -job["createdAt"])


def jobs_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """A line a job, and behind it what its cost lacks."""
    table = table_of(("job", "file", "how", "status", "rows", "failed", "cost", "when", ""))
    for job in found:
        done = f"{job['completedRows'] + job['failedRows']:,}/{job['totalRows']:,}"
        cells = [job["id"], job["fileName"], job["mode"], _status(job), done, f"{job['failedRows']:,}"]
        lacks = "; ".join(filter(None, (lacking(job), _limits(job))))
        table.add_row(*cells, known_cost(job["totalCost"], job), _when(job["createdAt"]), lacks)
    return table


def _status(job: Mapping[str, Any]) -> str:
    """The word for how a job is; one that its own limits stopped has not failed."""
    paused = job.get("safeguard", {}).get("state") == "paused"
    return "paused" if paused and job["status"] == "failed" else str(job["status"])


def _limits(job: Mapping[str, Any]) -> str:
    """Which of its limits stopped a job, and at what."""
    tripped = job.get("safeguard", {}).get("tripped", ())
    return ", ".join(
        f"{each['name']} {_limit(each, 'measured')} of {_limit(each, 'limit')}" for each in tripped
    )


def _limit(tripped: Mapping[str, Any], name: str) -> str:
    return dollars(tripped[name]) if tripped["name"].endswith("USD") else f"{tripped[name]:.3g}"


async def models(sidecar: Connection, wanted: str | None) -> list[Mapping[str, Any]]:
    """Return the models whose id or name holds the text."""
    rows = await sidecar.call("models:get-all", {"includeRetired": True})
    needle = (wanted or "").lower()
    return [row for row in rows if needle in f"{row['provider']}/{row['id']} {row['name']}".lower()]


def models_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line a model, with its price a million tokens, and by what a retired one is replaced."""
    table = table_of(("model", "in", "out", "context", "status", ""))
    for row in rows:
        pricing = row.get("pricing") or {}
        status = row.get("status", "")
        if row.get("successor"):
            status += f", then {row['successor']}"
        prices = [dollars(pricing.get(each)) for each in ("prompt", "completion")]
        table.add_row(
            f"{row['provider']}/{row['id']}",
            *prices,
            f"{row.get('contextSize') or 0:,}",
            status,
            row.get("priceNote", ""),
        )
    return table


def discovered_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line a model that a server has."""
    table = table_of(("model", "context", "known"))
    for row in rows:
        known = "yes" if row["known"] else "no: its cost is not known"
        table.add_row(row["modelId"], f"{row.get('contextSize') or 0:,}", known)
    return table


async def costs_table(sidecar: Connection, by: str) -> Table:
    """A bar a day, a month, a model or a project for what was spent, and all of it last."""
    stats = await sidecar.call("activity:stats", {"days": DAYS[by]} if by in DAYS else {})
    if by in DAYS:
        return bars(by, *spans(stats["byDay"], 7 if by == "month" else 10))
    if by == "project":
        rows = []
        for project in await sidecar.call("project:list"):
            told = await sidecar.call("activity:stats", {"projectId": project["id"]})
            rows.append((project["name"], told["totalCost"], told))
    else:
        rows = [(each["model"], each.get("cost"), each) for each in stats["byModel"]]
    return bars(by, sorted(rows, key=lambda row: -(row[1] or 0)), ("all", stats["totalCost"], stats))


def spans(days: Sequence[Mapping[str, Any]], letters: int) -> tuple[list[Spent], Spent]:
    """Days put together by so many letters of their names, and all of them: what is known, and what that lacks."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for day in days:
        found.setdefault(day["day"][:letters], []).append(day)
    all_of_it = f"{counted(len(days), 'day')}"
    return [_together(name, each) for name, each in found.items()], _together(all_of_it, days)


def _together(name: str, days: Sequence[Mapping[str, Any]]) -> Spent:
    known = sum(day.get("cost", 0) for day in days)
    lacks = [day for day in days if day.get("uncertainCalls")]
    if not lacks:
        return name, known, {}
    sure = sum(day.get("cost", 0) for day in days if not day.get("uncertainCalls"))
    most = [day.get("costAtMostUSD") for day in lacks]
    bounded = {} if None in most else {"costAtMostUSD": sure + sum(each for each in most if each is not None)}
    least = sure + sum(day["costAtLeastUSD"] for day in lacks)
    calls = sum(day["uncertainCalls"] for day in lacks)
    return name, known, {"uncertainCalls": calls, "costAtLeastUSD": least, **bounded}


def bars(by: str, rows: Sequence[Spent], all_of_it: Spent | None = None) -> Table:
    """A name, what is known of its cost, and what tells of calls that are not in that; the sum has no bar.

    None is a cost that is not known, which is not nothing.
    """
    most = max((cost or 0 for _, cost, _ in rows), default=0) or 1
    table = table_of((by, "cost", "", ""))
    for name, cost, told in rows:
        bar = "█" * round(BAR_WIDTH * (cost or 0) / most)
        table.add_row(name, known_cost(cost, told), bar, lacking(told))
    if all_of_it is not None:
        name, cost, told = all_of_it
        table.add_row(name, known_cost(cost, told), "", lacking(told), style="bold")
    return table


def hits_table(hits: Sequence[Mapping[str, Any]]) -> Table:
    """A line a message that was found."""
    table = table_of(("when", "conversation", "who", "text"))
    for hit in hits:
        message = hit["message"]
        who = message["model"] or message["role"]
        table.add_row(_when(message["timestamp"]), hit["conversation"]["name"], who, hit["snippet"])
    return table


def write_json(value: Any, out: Console) -> None:
    """For programs."""
    out.file.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def table_of(names: Sequence[str]) -> Table:
    """Return an empty table with these columns."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        figures = name in _FIGURES
        # What is typed or copied is never cut.
        table.add_column(
            name, justify="right" if figures else "left", no_wrap=name in ("job", "model", "when")
        )
    return table


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).strftime("%Y-%m-%d %H:%M")
