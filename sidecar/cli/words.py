"""Figures as a person reads them, and option values as they are typed (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar import counted


def dollars(amount: float | None) -> str:
    """The amount as everywhere (`counted.dollars`); not known is a dash."""
    return "–" if amount is None else counted.dollars(amount)


def cost_of(reply: Mapping[str, Any]) -> str:
    """What an answer cost, or between what it lies where that is not known."""
    if reply.get("costUSD") is not None:
        return dollars(reply["costUSD"])
    least, most = reply.get("costAtLeastUSD"), reply.get("costAtMostUSD")
    return dollars(None) if least is None or most is None else between(least, most)


def between(least: float, most: float) -> str:
    """Between what an amount lies."""
    return f"{counted.at_least(least)} to {counted.at_most(most)}"


def known_cost(amount: float | None, told: Mapping[str, Any]) -> str:
    """What is known of a sum; a dash where that is of none of its calls."""
    return dollars(None if not amount and told.get("uncertainCalls") else amount)


def lacking(told: Mapping[str, Any]) -> str:
    """What a sum lacks, and between what it lies with that; nothing where it lacks nothing."""
    calls = told.get("uncertainCalls")
    if not calls:
        return ""
    least, most = told["costAtLeastUSD"], told.get("costAtMostUSD")
    far = "nobody knows how much" if most is None else counted.at_most(most)
    calls = counted.counted(calls, "call")
    return f"and {calls} whose cost is not known: {counted.at_least(least)} to {far} together"


def seconds(milliseconds: float | None) -> str:
    """Seconds with one decimal."""
    return "–" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which that share of the values lies, None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def option_values(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Options as JSON where they are JSON, else as text: `-o temperature 0.2`, `-o cacheTTL 5m`."""
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
