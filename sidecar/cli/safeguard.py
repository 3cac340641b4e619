"""How a large table is begun: some rows first, and limits, unless the person says otherwise (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.counted import counted

# A table of more rows is begun with a canary, and with limits at which it pauses.
MANY_ROWS = 1_000
CANARY_ROWS = 50
LIMIT_NAMES = ("errorRate", "invalidJsonRate", "costPerRowUSD", "meanOutputTokens", "totalUSD")
STOP_WHEN: Mapping[str, float] = {"errorRate": 0.1, "invalidJsonRate": 0.1}


def row_count(rows: Mapping[str, Any], told: Mapping[str, Any]) -> int:
    """Return how many rows an estimate was of."""
    return int(told["counts"]["rows"] if "counts" in told else len(rows["rows"]))


def safeguard(
    rows: int, told: Mapping[str, Any], canary: int | None, limits: Mapping[str, float]
) -> dict[str, Any]:
    """Return the members of `batch:start` that say how it is to be begun: as the person wants, else by its size.

    A large table pauses when it has cost the most that was estimated. A `canary` of 0 is none.
    """
    large = rows > MANY_ROWS
    wanted = {
        **(STOP_WHEN if large else {}),
        **({"totalUSD": told["highUSD"]} if large and told["highUSD"] else {}),
    }
    chosen = {**wanted, **limits}
    first = (CANARY_ROWS if large else 0) if canary is None else canary
    return {**({"canary": first} if first else {}), **({"stopWhen": chosen} if chosen else {})}


def safeguard_words(asked: Mapping[str, Any]) -> str | None:
    """Return what a person is told of it before the run; None where nothing is asked."""
    limits = ", ".join(f"{name} {limit:g}" for name, limit in asked.get("stopWhen", {}).items())
    first = (
        counted(asked["canary"], "row goes first", "rows go first") + ", and the others follow by themselves"
        if "canary" in asked
        else ""
    )
    pauses = f"it pauses beyond {limits}" if limits else ""
    words = "; ".join(filter(None, (first, pauses)))
    return f"{words[0].upper()}{words[1:]}. --no-safeguard runs all of them at once." if words else None
