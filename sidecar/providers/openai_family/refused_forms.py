"""What servers that speak OpenAI's protocol refuse for its form, and how each question does without it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.refused_fields import (
    INSTRUCTIONS,
    STREAMING,
    most_told,
    no_effort,
    no_room,
    no_search,
    no_temperature,
    room_told,
    too_high,
    without_field,
    without_inside,
)
from sidecar.providers.kernel.refused_forms import Attempt, Body, Rule, on_body
from sidecar.providers.openai_family.json_by_prompt import schema_in_words

_INSTRUCTING = ("system", "developer")
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_LIMIT_NAME = re.compile(
    r"\bmax_(?:completion_|output_)?tokens\b|\bmax[ _](?:new|output|completion)[ _]tokens\b"
)
# What no question can do without, and what has a rule of its own because its name is an ordinary word too.
_NEEDED = frozenset({"model", "messages", "input", "stream", "tools", "text", "reasoning", "response_format"})


def not_streamed(body: Body) -> dict[str, Any] | None:
    """Ask for the answer as a whole: some organisations may not stream some models."""
    if body.get("stream") is not True:
        return None
    rest = {name: value for name, value in body.items() if name != "stream_options"}
    return {**rest, "stream": False}


def other_limit(body: Body) -> dict[str, Any] | None:
    """Give the limit of the answer under its newer name."""
    rest = without_field("max_tokens")(body)
    return None if rest is None else {**rest, "max_completion_tokens": body["max_tokens"]}


def limit_in(body: Body) -> int | None:
    """Return the limit of the answer, whatever it is called."""
    return next((body[name] for name in _LIMITS if body.get(name)), None)


def lower_limit(attempt: Attempt, said: str) -> Attempt | None:
    """Lower the limit of the answer to what the server says that it takes."""
    return _limited(attempt, most_told, said)


def fitting_limit(attempt: Attempt, said: str) -> Attempt | None:
    """Lower the limit of the answer to what the prompt leaves of the model's window."""
    return _limited(attempt, room_told, said)


def without_patterns(body: Body) -> dict[str, Any] | None:
    """Leave the patterns of a schema to the check that every reply gets here."""
    changed = _without(body, "pattern")
    return dict(changed) if changed != body else None


def json_mode_alone(body: Body) -> dict[str, Any] | None:
    """Ask for the schema in words and for JSON by the field; where there is none, leave the field out."""
    words = schema_in_words(body)
    if words is not None:
        return words
    # Not even JSON by the field.
    return without_field("response_format" if "messages" in body else "text")(body)


def as_system(body: Body) -> dict[str, Any] | None:
    """Call a developer the system: older servers know no other who instructs."""
    place = _place(body)
    turns = [{**turn, "role": "system"} if turn["role"] == "developer" else turn for turn in body[place]]
    return {**body, place: turns} if turns != body[place] else None


def instructions_in_question(body: Body) -> dict[str, Any] | None:
    """Put the instructions in front of the first question: some models know no role for them."""
    turns = list(body.get(_place(body), ()))
    told = [turn["content"] for turn in turns if turn["role"] in _INSTRUCTING]
    spoken = [turn for turn in turns if turn["role"] not in _INSTRUCTING]
    if not told or not spoken:
        return None
    first = {**spoken[0], "content": "\n\n".join([*told, spoken[0]["content"]])}
    return {**body, _place(body): [first, *spoken[1:]]}


def one_instruction(body: Body) -> dict[str, Any] | None:
    """Make several instructions one: some templates take a single one, at the very beginning."""
    turns = body[_place(body)]
    told = [turn for turn in turns if turn["role"] in _INSTRUCTING]
    if len(told) < 2:
        return None
    joined = {**told[0], "content": "\n\n".join(turn["content"] for turn in told)}
    return {**body, _place(body): [joined, *(turn for turn in turns if turn["role"] not in _INSTRUCTING)]}


def without_named(attempt: Attempt, said: str) -> Attempt | None:
    """Leave out the first field that the words name, whatever it is for."""
    for name in attempt.body:
        if name not in _NEEDED and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said):
            return replace(attempt, body=without_field(name)(attempt.body) or {})
    return None


def _place(body: Body) -> str:
    return "messages" if "messages" in body else "input"


def _limited(attempt: Attempt, told: Any, said: str) -> Attempt | None:
    name = next((name for name in _LIMITS if name in attempt.body), None)
    most = None if name is None else told(said, attempt.body[name])
    return None if name is None or most is None else replace(attempt, body={**attempt.body, name: most})


def _format(body: Body) -> Any:
    return body.get("response_format") or body.get("text")


# What does least comes first: a refusal may name several things, and mean only one of them.
RULES = (
    Rule(
        "stream_options.include_obfuscation",
        re.compile(r"\binclude_obfuscation\b"),
        on_body(without_inside("stream_options", "include_obfuscation")),
    ),
    Rule(
        "stream_options",
        re.compile(r"\bstream_options\b|\binclude_usage\b"),
        on_body(without_field("stream_options")),
    ),
    Rule("streaming", STREAMING, on_body(not_streamed)),
    Rule(
        "reasoning.summary",
        re.compile(r"\breasoning\.summary\b|\breasoning summar", re.IGNORECASE),
        on_body(without_inside("reasoning", "summary")),
    ),
    no_effort(
        "reasoning_effort",
        re.compile(r"\breasoning[_. ]?effort\b", re.IGNORECASE),
        without_field("reasoning_effort"),
    ),
    no_effort(
        "reasoning.effort", re.compile(r"\breasoning\b", re.IGNORECASE), without_inside("reasoning", "effort")
    ),
    Rule(
        "several instructions",
        re.compile(r"system message\b[^.]{0,60}\b(?:beginning|first|one|single|start)", re.IGNORECASE),
        on_body(one_instruction),
    ),
    Rule(
        "the role of a developer",
        re.compile(r"\bdeveloper\b(?! instruction)", re.IGNORECASE),
        on_body(as_system),
    ),
    Rule("the role of the instructions", INSTRUCTIONS, on_body(instructions_in_question)),
    Rule(
        "the patterns of the schema",
        re.compile(r"\bpattern\b|\bregex|\blook-?(?:ahead|behind|around)|regular expression", re.IGNORECASE),
        on_body(without_patterns),
        about=_format,
    ),
    Rule(
        "the schema",
        re.compile(
            r"schema|response[_ ]?format|\bjson_object\b|text\.format|structured[_ ]output|\bgrammar\b|json mode"
            r"|guided_json",
            re.IGNORECASE,
        ),
        on_body(json_mode_alone),
        about=_format,
    ),
    Rule(
        "the name of the limit",
        re.compile(
            r"\bmax_(?:completion_)?tokens\b.*\bmax_(?:completion_)?tokens\b.*(?:instead|\buse\b)|"
            r"\buse\b.*\bmax_completion_tokens\b",
            re.IGNORECASE | re.DOTALL,
        ),
        on_body(other_limit),
    ),
    no_room(fitting_limit),
    too_high(_LIMIT_NAME, lower_limit),
    Rule(
        "the name of the limit",
        re.compile(r"\bmax_(?:completion_)?tokens\b.*\bmax_(?:completion_)?tokens\b", re.DOTALL),
        on_body(other_limit),
    ),
    *(Rule(name, re.compile(rf"\b{name}\b"), on_body(without_field(name))) for name in _LIMITS),
    no_temperature(without_field("temperature")),
    no_search(re.compile(r"\btools?\b|\bweb[_ ]search", re.IGNORECASE)),
    Rule(
        "a field",
        re.compile(
            r"unknown|unrecogni[sz]ed|unsupported|unexpected|extra|additional propert|invalid"
            r"|not (?:a valid|supported|permitted|allowed|accept)|does(?:n't| not) (?:support|accept|allow)",
            re.IGNORECASE,
        ),
        without_named,
    ),
)


def _without(value: Any, word: str) -> Any:
    """The value without every member of a schema called so; a property of that name stays."""
    if isinstance(value, list):
        return [_without(each, word) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: {key: _without(inner, word) for key, inner in as_mapping(each).items()}
        if name in ("properties", "$defs", "definitions")
        else _without(each, word)
        for name, each in value.items()
        if name != word
    }
