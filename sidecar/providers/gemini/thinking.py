"""How much a Gemini model is told to think: by level from 3 on, by a budget of tokens before that (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.base import ChatRequest
from sidecar.providers.kernel.options import EFFORTS, nearest_effort

# Every model that has levels at all takes these.
COMMON_LEVELS = ("low", "medium", "high")
AUTOMATIC = -1
NEWEST = (99, 0)

# What the vendor itself reads these efforts as for models that have budgets.
_BUDGETS = {"minimal": 512, "low": 1_024, "medium": 8_192, "high": 24_576}
_VERSION = re.compile(r"gemini-([0-9]{1,4})(?:\.([0-9]{1,4}))?(?=-|$)")


def version(model: str) -> tuple[int, int]:
    """(2, 5) of gemini-2.5-pro. A name without a number, gemini-flash-latest, stands for the newest."""
    found = _VERSION.match(model.removeprefix("models/"))
    return (int(found[1]), int(found[2] or 0)) if found else NEWEST


def thinking_config(request: ChatRequest, show: bool, notes: list[str]) -> dict[str, Any]:
    """The `thinkingConfig`, empty when the vendor's default is meant. Level and budget never stand together.

    `show` asks for summaries of the thoughts.
    """
    extra = request.traits.extra
    levels, budget = extra.get("thinkingLevels"), extra.get("thinkingBudget")
    reasons = "reasoning" in request.traits.features
    config: dict[str, Any] = {"includeThoughts": True} if show else {}
    if not levels and not budget and reasons and version(request.model) >= (3, 0):
        levels = COMMON_LEVELS
    if levels and request.effort is not None:
        config["thinkingLevel"] = _level(request.model, request.effort, tuple(levels), notes)
    elif budget and (request.effort is not None or show):
        config["thinkingBudget"] = _budget(request, extra, show, notes)
    elif request.effort is not None and not levels:
        notes.append(f"{request.model} has no reasoning effort to set, so {request.effort} was left out.")
    return config


def _level(model: str, wanted: str, levels: tuple[str, ...], notes: list[str]) -> str:
    """The closest level; of two as close, the stronger."""
    known = [level for level in levels if level in EFFORTS] or list(COMMON_LEVELS)
    chosen = nearest_effort(wanted, known)
    if chosen != wanted:
        notes.append(f"{model} does not take the effort {wanted} at all; {chosen} was used.")
    return chosen


def _budget(request: ChatRequest, extra: Mapping[str, Any], show: bool, notes: list[str]) -> int:
    """Tokens to think with, within the model's bounds; 0 is none and -1 leaves it to the model."""
    least, most = extra["thinkingBudget"]
    if request.effort is None:
        return AUTOMATIC
    if request.effort == "none":
        if extra.get("canDisableThinking") and not show:
            return 0
        used = max(int(least), _BUDGETS["minimal"] if show else 1)
        why = "was asked to show its thinking" if show else "cannot stop thinking"
        notes.append(f"{request.model} {why}, so it may think with {used:,} tokens.")
        return used
    used = min(max(_BUDGETS.get(request.effort, int(most)), int(least)), int(most))
    if request.effort not in _BUDGETS and used <= _BUDGETS["high"]:
        notes.append(f"{request.model} does not take the effort {request.effort} at all; high was used.")
    return used
