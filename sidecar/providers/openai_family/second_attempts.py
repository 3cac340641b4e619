"""The other form of a question that was refused for its form, and so did not run.

Each rule knows by the server's words what was refused, and how to do without it. What a model refused once is left
out of its next questions at once.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.openai_family.exchange import Attempt
from sidecar.providers.openai_family.json_by_prompt import schema_in_words

log = logging.getLogger("sidecar.providers")

Body = Mapping[str, Any]
Change = Callable[[Body], dict[str, Any] | None]
"""The body in another form, None where there is nothing to change."""

_INSTRUCTING = ("system", "developer")
# Refused for its form: the request was read, and nothing was run.
_STATUSES = frozenset({400, 403, 404, 405, 415, 422, 501})
_KINDS = frozenset({"provider_rejected", "context_length_exceeded", "unsupported"})


@dataclass(frozen=True, slots=True)
class Rule:
    """`what` is left out, for the log; `told` finds it in the server's words."""

    what: str
    told: re.Pattern[str]
    change: Change


def not_streamed(body: Body) -> dict[str, Any] | None:
    """Ask for the answer as a whole: some organisations may not stream some models."""
    if body.get("stream") is not True:
        return None
    rest = {name: value for name, value in body.items() if name != "stream_options"}
    return {**rest, "stream": False}


def without_field(name: str) -> Change:
    """Return what leaves a field out."""

    def change(body: Body) -> dict[str, Any] | None:
        return {each: value for each, value in body.items() if each != name} if name in body else None

    return change


def other_limit(body: Body) -> dict[str, Any] | None:
    """Give the limit of the answer under its newer name."""
    rest = without_field("max_tokens")(body)
    return None if rest is None else {**rest, "max_completion_tokens": body["max_tokens"]}


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


def instructions_in_question(body: Body) -> dict[str, Any] | None:
    """Put the instructions in front of the first question: some models know no role for them."""
    place = "messages" if "messages" in body else "input"
    turns = list(body.get(place, ()))
    told = [turn["content"] for turn in turns if turn["role"] in _INSTRUCTING]
    spoken = [turn for turn in turns if turn["role"] not in _INSTRUCTING]
    if not told or not spoken:
        return None
    first = {**spoken[0], "content": "\n\n".join([*told, spoken[0]["content"]])}
    return {**body, place: [first, *spoken[1:]]}


# What does least comes first: a refusal may name several things, and mean only one of them.
RULES = (
    Rule(
        "stream_options", re.compile(r"\bstream_options\b|\binclude_usage\b"), without_field("stream_options")
    ),
    Rule("streaming", re.compile(r"\bstream(?:ed|ing)?\b(?!_)", re.IGNORECASE), not_streamed),
    Rule("reasoning_effort", re.compile(r"\breasoning_effort\b"), without_field("reasoning_effort")),
    Rule("reasoning.effort", re.compile(r"\breasoning\.(?:effort|summary)\b"), without_field("reasoning")),
    Rule(
        "the role of the instructions",
        re.compile(
            r"\b(?:system|developer)\b[^.]{0,40}\b(?:role|message|prompt|instruction)|"
            r"\broles?\b[^.]{0,60}\b(?:system|developer)\b|\bonly\b[^.]{0,40}\broles?\b",
            re.IGNORECASE,
        ),
        instructions_in_question,
    ),
    Rule(
        "the patterns of the schema",
        re.compile(r"\bpattern\b|\bregex|\blook-?(?:ahead|behind|around)|regular expression", re.IGNORECASE),
        without_patterns,
    ),
    Rule(
        "the schema",
        re.compile(
            r"schema|response_format|\bjson_object\b|text\.format|structured output|\bgrammar\b",
            re.IGNORECASE,
        ),
        json_mode_alone,
    ),
    Rule(
        "the name of the limit",
        re.compile(r"\bmax_(?:completion_)?tokens\b.*\bmax_(?:completion_)?tokens\b"),
        other_limit,
    ),
    Rule(
        "max_completion_tokens",
        re.compile(r"\bmax_completion_tokens\b"),
        without_field("max_completion_tokens"),
    ),
    Rule("max_tokens", re.compile(r"\bmax_tokens\b"), without_field("max_tokens")),
    Rule("temperature", re.compile(r"\btemperature\b"), without_field("temperature")),
)


def other_form(body: Body, failure: Failure) -> tuple[Rule, dict[str, Any]] | None:
    """Return the rule that the refusal speaks of, with what it makes of the body; None where no rule helps.

    Every rule takes something away that no rule brings back, so this comes to an end.
    """
    if failure.status not in _STATUSES or failure.kind not in _KINDS:
        return None
    told = failure.detail or ""
    for rule in RULES:
        if rule.told.search(told):
            changed = rule.change(body)
            if changed is not None:
                return rule, changed
    return None


class SecondAttempts:
    """What each model of one provider refused in this run."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._refused: defaultdict[str, list[Rule]] = defaultdict(list)

    def known(self, attempt: Attempt) -> Attempt:
        """Return the question without what its model is known to refuse."""
        body: Body = attempt.body
        for rule in self._refused[str(body["model"])]:
            body = rule.change(body) or body
        return Attempt(attempt.url, body)

    def another(self, attempt: Attempt, failure: Failure) -> Attempt | None:
        """Return the question in another form, and remember it for the model; None where no form is left."""
        found = other_form(attempt.body, failure)
        if found is None:
            return None
        rule, body = found
        refused = self._refused[str(attempt.body["model"])]
        if rule not in refused:
            refused.append(rule)
        log.info("%s refuses %s; the question is put without", self._provider, rule.what)
        return Attempt(attempt.url, body)

    def refuses(self, model: str, what: str) -> bool:
        """Whether the model is known to refuse that, by the word of a rule."""
        return any(rule.what == what for rule in self._refused[model])


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
