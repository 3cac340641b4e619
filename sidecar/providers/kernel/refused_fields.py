"""What servers of every vendor say when they refuse a part of a request, and how to do without it (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sidecar.providers.kernel.json_values import told_count
from sidecar.providers.kernel.refused_forms import Body, Change, Rule, on_body

STREAMING = re.compile(r"\bstream(?:ed|ing)?\b(?![_.])", re.IGNORECASE)
TEMPERATURE = re.compile(r"\btemperature\b", re.IGNORECASE)
INSTRUCTIONS = re.compile(
    r"\b(?:system|developer)\b[^.]{0,40}\b(?:role|message|prompt|instruction)|\bsystem_?instruction|"
    r"\broles?\b[^.]{0,60}\b(?:system|developer)\b|\bonly\b[^.]{0,40}\broles?\b|\bsystem: ",
    re.IGNORECASE,
)
NO_TEMPERATURE = "{model} takes no temperature, so it was left out."
NO_EFFORT = "{model} has no such reasoning effort to set, so it was left out."
NO_SEARCH = "{model} cannot search the web here, so web search was left out."
NO_THINKING = "{model} does not take what was asked about its thinking, so that was left out."
LOWER_LIMIT = "{model} does not write answers as long as that, so the limit was lowered."

# The prompt and the limit together are more than the window.
_NO_ROOM = re.compile(r"context|\+ [\d,]+ > [\d,]+", re.IGNORECASE)

_NUMBER = r"`?'?\"?(\d[\d,_]*\d|\d)"
# What the prompt takes of a window that prompt and answer share: (window, prompt) or (prompt, answer, window).
_SHARED = (
    re.compile(r"(?P<prompt>\d[\d,]*) \+ [\d,]+ > (?P<window>\d[\d,]*)"),
    re.compile(
        r"(?:context (?:length|window|size)|window)\D{0,40}(?P<window>\d[\d,]*) tokens.{0,120}?"
        r"(?:\((?P<prompt>\d[\d,]*) in the (?:messages|prompt|input)"
        r"|(?:has|contains|resulted in|with)(?: at least)? (?P<other>\d[\d,]*) (?:input |prompt )?tokens)",
        re.IGNORECASE | re.DOTALL,
    ),
)
_MOST = (
    re.compile(rf"\d > {_NUMBER}|> {_NUMBER}"),
    re.compile(
        rf"(?:at most|up to|no more than|<=|≤|less than or equal to|cannot exceed|must not exceed"
        rf"|(?:smaller|less|lower|fewer) than or equal to|between \d+ and|from \d+ to|\[\d+, ?) ?{_NUMBER}",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:max(?:imum)?|limit)\b\D{{0,60}}{_NUMBER}", re.IGNORECASE),
)
_BELOW = re.compile(
    rf"(?:to|below|(?:less|smaller|lower|fewer) than) {_NUMBER}`?'?\"?(?: \(exclusive\))", re.IGNORECASE
)


def without_field(name: str) -> Callable[[Body], dict[str, Any] | None]:
    """Return what leaves a field out."""

    def change(body: Body) -> dict[str, Any] | None:
        return {each: value for each, value in body.items() if each != name} if name in body else None

    return change


def without_inside(outer: str, *names: str) -> Callable[[Body], dict[str, Any] | None]:
    """Return what leaves fields out of an object; an object that is empty without them is left out too."""

    def change(body: Body) -> dict[str, Any] | None:
        inside = body.get(outer)
        if not isinstance(inside, Mapping) or not any(name in inside for name in names):
            return None
        kept = {each: value for each, value in inside.items() if each not in names}
        return {**body, outer: kept} if kept else without_field(outer)(body)

    return change


def no_temperature(change: Callable[[Body], dict[str, Any] | None]) -> Rule:
    """Return the rule of a model that takes no temperature."""
    return Rule("temperature", TEMPERATURE, on_body(change), note=NO_TEMPERATURE)


def no_thinking(told: re.Pattern[str], change: Callable[[Body], dict[str, Any] | None]) -> Rule:
    """Return the rule of a model that does not take what was asked about its thinking."""
    return Rule("thinking", told, on_body(change), note=NO_THINKING)


def no_effort(what: str, told: re.Pattern[str], change: Callable[[Body], dict[str, Any] | None]) -> Rule:
    """Return the rule of a model that has no such effort; `what` the vendor calls it."""
    return Rule(what, told, on_body(change), note=NO_EFFORT)


def without_tools(body: Body) -> dict[str, Any] | None:
    """Leave out the tools, with what is said of their use."""
    rest = without_field("tools")(body)
    return rest and (without_field("tool_choice")(rest) or rest)


def no_search(told: re.Pattern[str]) -> Rule:
    """Return the rule of a model that cannot search the web; who asked for that by name is told so instead."""
    return Rule("web search", told, on_body(without_tools), note=NO_SEARCH, option="enableWebSearch")


def no_room(change: Change) -> Rule:
    """Return the rule of a prompt beside which an answer of that length has no room in the window."""
    what = "a limit that the prompt leaves no room for"
    return Rule(what, _NO_ROOM, change, note=LOWER_LIMIT, lasting=False)


def too_high(told: re.Pattern[str], change: Change) -> Rule:
    """Return the rule of a model that does not write answers as long as that."""
    return Rule("so high a limit", told, change, note=LOWER_LIMIT)


def without_anywhere(value: Any, word: str) -> Any:
    """Return the value without every member called so, however deep."""
    if isinstance(value, list):
        return [without_anywhere(each, word) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: without_anywhere(each, word) for name, each in value.items() if name != word}


def most_told(said: str, wanted: int) -> int | None:
    """Return the longest answer that a refusal of `wanted` tokens says is taken; None where it tells none."""
    below = [count - 1 for count in _counts(_BELOW.findall(said))]
    for counts in (below, *(_counts(pattern.findall(said)) for pattern in _MOST)):
        fitting = [count for count in counts if 0 < count < wanted]
        if fitting:
            return max(fitting)
    return None


def room_told(said: str, wanted: int) -> int | None:
    """Return what a refusal of `wanted` tokens leaves for an answer in the window that it shares with the prompt."""
    for pattern in _SHARED:
        found = pattern.search(said)
        if found:
            told = found.groupdict()
            window, prompt = _count(told["window"]), _count(told["prompt"] or told.get("other") or "0")
            return window - prompt if prompt and 0 < window - prompt < wanted else None
    return None


def _counts(found: Iterable[str | tuple[str, ...]]) -> list[int]:
    return [_count(each) for one in found for each in ((one,) if isinstance(one, str) else one) if each]


def _count(text: str) -> int:
    return told_count(re.sub(r"\D", "", text)) or 0
