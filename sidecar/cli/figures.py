"""What a cost is made of, and how it lies beside the vendor's bill, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table

from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.lists import table_of
from sidecar.cli.words import cost_of, dollars
from sidecar.counted import at_most, counted


async def explained(sidecar: Connection, what: str, row: str | None) -> list[Mapping[str, Any]]:
    """Return the calls of a message, or else one call, or those of a job. Raise CallRefused where there is none."""
    job = {"jobId": what} | ({"rowId": row} if row else {})
    if row is None:
        for name in ("messageId", "callId"):
            try:
                return list(await sidecar.call("cost:explain", {name: what}))
            except CallRefused as refused:
                if refused.kind != "not_found":
                    raise
    found: list[Mapping[str, Any]] = []
    while page := await sidecar.call("cost:explain", {**job, "offset": len(found)}):
        found += page
    return found


# Of dollars; a difference below it is of the numbers' own making.
_LEAST_DIFFERENCE = 0.000001


def explained_table(calls: Sequence[Mapping[str, Any]]) -> Table:
    """A line a unit of each call, and below them what the call comes to."""
    table = table_of(("model", "row", "unit", "number", "a million", "cost"))
    for call in calls:
        name, row = call["model"], call.get("rowId", "")
        for line in call["lines"]:
            rate = dollars(line.get("ratePerMillionUSD"))
            table.add_row(name, row, line["unit"], f"{line['quantity']:,}", rate, dollars(line["usd"]))
            name = row = ""
        table.add_row(name, row, f"= {_state(call)}", "", "", cost_of(call), style="bold")
    return table


def _state(call: Mapping[str, Any]) -> str:
    """What became of a call, and where its cost was not known by what and when that was settled."""
    by = {"record": "the vendor's record of it", "minutes": "the minutes that it was alone in"}
    if call.get("settledBy") not in by:
        return str(call["state"])
    day = datetime.fromtimestamp(call["settledAt"] / 1000).date()
    return f"{call['state']} on {day} by {by[call['settledBy']]}"


def reconciled_table(found: Mapping[str, Any]) -> Table:
    """A line a day and model, and the sum."""
    theirs = "theirs, at our prices" if found.get("theirsPriced") else "theirs"
    uncertain = bool(found["uncertain"])
    names = ("day", "model", "ours", *(("not known",) if uncertain else ()), theirs, "difference", "why")
    table = table_of(names)
    for each in found["days"]:
        sums = _sums(each, uncertain=uncertain)
        table.add_row(each["day"], each["model"], *sums, each.get("explanation", ""))
    table.add_row("all", "", *_sums(found, uncertain=uncertain), "", style="bold")
    return table


def _sums(row: Mapping[str, Any], *, uncertain: bool) -> list[str]:
    # Differences that no digit of a bill shows are of the numbers' own making.
    difference = row["differenceUSD"] if abs(row["differenceUSD"]) >= _LEAST_DIFFERENCE else 0.0
    sign = "-" if difference < 0 else ""
    lacks = [_not_known(row)] if uncertain else []
    return [dollars(row["oursUSD"]), *lacks, dollars(row["theirsUSD"]), sign + dollars(abs(difference))]


def _not_known(row: Mapping[str, Any]) -> str:
    """How many calls may have cost more than is in ours, and how much more at most."""
    if not row["uncertain"]:
        return ""
    most = row.get("uncertainAtMostUSD")
    far = "nobody knows how much" if most is None else f"up to {at_most(most)} more"
    return f"{counted(row['uncertain'], 'call')}, {far}"
