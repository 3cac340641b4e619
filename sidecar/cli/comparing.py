"""Two jobs beside each other: for each model what changed, and which answers (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from sidecar.cli.lists import table_of
from sidecar.cli.words import dollars, percentile, seconds
from sidecar.counted import counted

Row = Mapping[str, Any]
MOST_SHOWN = 10


def compared(first: Iterable[Row], second: Iterable[Row]) -> dict[str, Any]:
    """Return for each model its figures in both jobs, and the questions whose answers differ.

    A question is the same where prompt and model are; asked several times, the times are counted.
    """
    ones, others = _by_question(first), _by_question(second)
    both = [key for key in ones if key in others]
    different = [key for key in both if _said(ones[key]) != _said(others[key])]
    models = dict.fromkeys([*(key[0] for key in ones), *(key[0] for key in others)])
    return {
        "models": [
            {
                "model": model,
                "first": _figures(row for key, row in ones.items() if key[0] == model),
                "second": _figures(row for key, row in others.items() if key[0] == model),
            }
            for model in models
        ],
        "questions": {
            "inBoth": len(both),
            "same": len(both) - len(different),
            "onlyInFirst": len(ones) - len(both),
            "onlyInSecond": len(others) - len(both),
        },
        "different": [
            {
                "model": key[0],
                "prompt": key[1],
                "first": ones[key].get("response") or ones[key]["status"],
                "second": others[key].get("response") or others[key]["status"],
            }
            for key in different
        ],
    }


def models_table(found: Mapping[str, Any]) -> Table:
    """A line a model: what was, an arrow, what is."""
    table = table_of(("model", "rows", "failed", "cost", "median", "95 %", "checks passed"))
    for each in found["models"]:
        one, other = each["first"], each["second"]
        table.add_row(
            each["model"],
            *(_arrow(f"{one[name]:,}", f"{other[name]:,}") for name in ("rows", "failed")),
            _arrow(_cost(one), _cost(other)),
            *(_arrow(seconds(one[name]), seconds(other[name])) for name in ("medianMs", "slowMs")),
            _arrow(_passed(one), _passed(other)),
        )
    return table


def differences_table(found: Mapping[str, Any]) -> Table:
    """The first questions whose answers differ, both answers beside each other."""
    table = table_of(("model", "question", "first", "second"))
    for each in found["different"][:MOST_SHOWN]:
        table.add_row(each["model"], *(_short(each[name]) for name in ("prompt", "first", "second")))
    return table


def in_words(found: Mapping[str, Any]) -> str:
    """Return how many questions are in both, and how many of their answers are the same."""
    asked = found["questions"]
    both = counted(asked["inBoth"], "question is", "questions are")
    same = counted(asked["same"], "answer is", "answers are")
    only = [(asked["onlyInFirst"], "first"), (asked["onlyInSecond"], "second")]
    apart = "".join(f"; {counted(count, 'is', 'are')} only in the {name}" for count, name in only if count)
    return f"{both} in both; {same} the same{apart}."


def _by_question(rows: Iterable[Row]) -> dict[tuple[str, str, int], Row]:
    times: defaultdict[tuple[str, str], int] = defaultdict(int)
    found: dict[tuple[str, str, int], Row] = {}
    for row in rows:
        key = (row["model"], row["prompt"])
        found[(*key, times[key])] = row
        times[key] += 1
    return found


def _figures(rows: Iterable[Row]) -> dict[str, Any]:
    rows = list(rows)
    good = [row for row in rows if row["status"] == "success"]
    times = [row["latency_ms"] for row in good if row["latency_ms"]]
    checks = [check["passed"] for row in rows for check in row.get("checks", ())]
    return {
        "rows": len(rows),
        "failed": len(rows) - len(good),
        "costUSD": sum(row.get("cost_usd") or 0 for row in rows),
        "unknownCosts": sum(row.get("cost_usd") is None for row in rows),
        "medianMs": percentile(times, 0.5),
        "slowMs": percentile(times, 0.95),
        "checks": len(checks),
        "passed": sum(checks),
    }


def _said(row: Row) -> tuple[str, str]:
    return row["status"], " ".join((row.get("response") or "").split())


def _arrow(one: str, other: str) -> str:
    return one if one == other else f"{one} → {other}"


def _cost(figures: Mapping[str, Any]) -> str:
    return dollars(figures["costUSD"]) + (" + ?" if figures["unknownCosts"] else "")


def _passed(figures: Mapping[str, Any]) -> str:
    return f"{figures['passed']:,} of {figures['checks']:,}" if figures["checks"] else "–"


def _short(text: str, most: int = 60) -> str:
    joined = " ".join(text.split())
    return escape(joined if len(joined) <= most else f"{joined[: most - 1]}…")
