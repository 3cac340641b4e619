"""What each of Anthropic's models takes, told a second time and apart from the catalogue (pure).

A simulator that read the provider's own table would take every mistake in it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelHabits:
    """`thinking` are the types that are taken, `unasked` whether it thinks without one, `shown` whether its thoughts
    are shown unless that is asked for."""

    thinking: frozenset[str]
    unasked: bool = False
    shown: bool = True
    effort: bool = False
    temperature: bool = False
    prefill: bool = False


_OLD = ModelHabits(frozenset({"enabled", "disabled"}), temperature=True, prefill=True)
_OLD_WITH_EFFORT = ModelHabits(
    frozenset({"enabled", "disabled"}), effort=True, temperature=True, prefill=True
)
_EITHER = ModelHabits(frozenset({"adaptive", "enabled", "disabled"}), effort=True, temperature=True)
_QUIET = ModelHabits(frozenset({"adaptive", "disabled"}), shown=False, effort=True)
_THINKS = ModelHabits(frozenset({"adaptive", "disabled"}), unasked=True, shown=False, effort=True)
_BETWEEN = ModelHabits(frozenset({"adaptive", "between_tools"}), unasked=True, shown=False, effort=True)
_ALWAYS = ModelHabits(frozenset({"adaptive"}), unasked=True, shown=False, effort=True)

_HABITS = {
    "claude-fable": _ALWAYS,
    "claude-opus-5-5": _ALWAYS,
    "claude-opus-5": _THINKS,
    "claude-sonnet-5-5": _BETWEEN,
    "claude-sonnet-5": _THINKS,
    "claude-haiku-5-5": _THINKS,
    "claude-opus-4-8": _QUIET,
    "claude-opus-4-7": _QUIET,
    "claude-opus-4-6": _EITHER,
    "claude-sonnet-4-6": _EITHER,
    "claude-opus-4-5": _OLD_WITH_EFFORT,
}


def habits(model: str) -> ModelHabits:
    """By the longest beginning of the model's name; what is not listed is old."""
    known = [name for name in _HABITS if model.startswith(name)]
    return _HABITS[max(known, key=len)] if known else _OLD
