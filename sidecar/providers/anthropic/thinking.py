"""How each Anthropic model thinks, and what is therefore sent about thinking, effort and temperature (pure).

`traits.extra["thinking"]` says which sort a model is:
    always_on            thinks in any case, and as much as it finds right
    adaptive             decides itself; whether it does so unasked is the model's default
    adaptive_or_budget   the same, or with a number of tokens to think with
    budget               thinks only when it is given a number of tokens
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.base import ChatRequest
from sidecar.providers.kernel.options import bounded_temperature, nearest_effort

EFFORTS = ("low", "medium", "high", "xhigh", "max")
# The models that think with a budget take these at most, where they take an effort at all.
BUDGET_EFFORTS = ("low", "medium", "high")
HIGHEST_TEMPERATURE = 1.0
DEFAULT_TEMPERATURE = 1.0
SMALLEST_BUDGET = 1_024
DEFAULT_BUDGET = 8_192
_BUDGETS = {
    "none": SMALLEST_BUDGET,
    "minimal": SMALLEST_BUDGET,
    "low": 2_048,
    "medium": DEFAULT_BUDGET,
    "high": 16_384,
    "xhigh": 24_576,
    "max": 32_768,
}
# The newest models keep their thoughts to themselves unless they are asked for them.
ADAPTIVE: Mapping[str, Any] = {"type": "adaptive", "display": "summarized"}
_ADAPTIVE = frozenset({"always_on", "adaptive", "adaptive_or_budget"})
# From these on the vendor refuses every temperature but its default.
_WITHOUT_TEMPERATURE = frozenset({"always_on", "adaptive"})


@dataclass(frozen=True, slots=True)
class Thinking:
    """What is sent as `thinking`, and how many tokens of it the answer's limit must hold beside the answer."""

    wire: Mapping[str, Any]
    budget: int = 0


def thinking(request: ChatRequest) -> Thinking | None:
    """What is sent when thinking is wanted. Without it nothing is: each model then does what it does by itself."""
    if not request.thinking:
        return None
    if sort_of(request) in _ADAPTIVE:
        return Thinking(ADAPTIVE)
    budget = _BUDGETS.get(request.effort or "", DEFAULT_BUDGET)
    return Thinking({"type": "enabled", "budget_tokens": budget}, budget)


def effort(request: ChatRequest, thinks: bool, notes: list[str]) -> str | None:
    """What is sent as effort: the nearest that the model takes. It is a hint, and never refused."""
    wanted = request.effort
    if wanted is None:
        return None
    if "reasoning" not in request.traits.features:
        # A model without efforts but with a budget spends it accordingly.
        if not thinks:
            notes.append(f"{request.model} has no reasoning effort to set, so {wanted} was left out.")
        return None
    listed = tuple(one for one in request.traits.efforts if one in EFFORTS)
    taken = listed or (BUDGET_EFFORTS if sort_of(request) == "budget" else EFFORTS)
    chosen = nearest_effort(wanted, taken)
    if chosen != wanted:
        notes.append(f"{request.model} does not take the effort {wanted}; {chosen} was used.")
    return chosen


def temperature(request: ChatRequest, thinks: bool, notes: list[str]) -> float | None:
    """What is sent as temperature. It is a hint too."""
    wanted = request.temperature
    if wanted is None:
        return None
    if sort_of(request) in _WITHOUT_TEMPERATURE or thinks:
        if wanted != DEFAULT_TEMPERATURE:
            why = "while it thinks" if thinks else "at all"
            notes.append(f"{request.model} takes no temperature {why}, so it was left out.")
        return None
    return bounded_temperature(wanted, HIGHEST_TEMPERATURE, ANTHROPIC.title, notes)


def sort_of(request: ChatRequest) -> str:
    """The catalogue's word. A model that it says nothing of thinks with a budget, as they all once did."""
    return str(request.traits.extra.get("thinking") or "budget")
