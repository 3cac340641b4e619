"""What is looked at: jobs, models, keys, costs, messages, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from sidecar.cli.connection import Connection
from sidecar.cli.words import dollars, lacking

BAR_WIDTH = 30
DAYS = 30
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
        table.add_row(*cells, _job_cost(job), _when(job["createdAt"]), lacks)
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


def _job_cost(job: Mapping[str, Any]) -> str:
    """What is known of a job's cost; a dash where of none of its calls that is known."""
    return dollars(None if not job["totalCost"] and job.get("uncertainCalls") else job["totalCost"])


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


async def costs_table(sidecar: Connection, by: str, out: Console) -> Table:
    """A bar a day, a model or a project for what was spent."""
    if by == "day":
        stats = await sidecar.call("activity:stats", {"days": DAYS})
        return bars("day", [(each["day"], each["cost"], each) for each in stats["byDay"]])
    if by == "project":
        rows = []
        for project in await sidecar.call("project:list"):
            stats = await sidecar.call("activity:stats", {"projectId": project["id"]})
            rows.append((project["name"], stats["totalCost"], stats))
    else:
        stats = await sidecar.call("activity:stats", {})
        rows = [(each["model"], each.get("cost"), each) for each in stats["byModel"]]
    return bars(by, sorted(rows, key=lambda row: -(row[1] or 0)))


def bars(by: str, rows: Sequence[tuple[str, float | None, Mapping[str, Any]]]) -> Table:
    """A name, what is known of its cost, and what tells of calls that are not in that.

    None is a cost that is not known, which is not nothing.
    """
    most = max((cost or 0 for _, cost, _ in rows), default=0) or 1
    table = table_of((by, "cost", "", ""))
    for name, cost, told in rows:
        bar = "█" * round(BAR_WIDTH * (cost or 0) / most)
        table.add_row(name, dollars(cost), bar, lacking(told))
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
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
