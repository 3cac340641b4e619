"""What Gemini's models, and servers that speak its protocol, refuse for its form, and how to do without it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.gemini.errors import refuses_form
from sidecar.providers.gemini.request import in_words_instead, json_by_words
from sidecar.providers.kernel.json_values import as_mapping
from sidecar.providers.kernel.refused_fields import (
    STREAMING,
    most_told,
    no_search,
    no_temperature,
    no_thinking,
    too_high,
    without_field,
    without_inside,
)
from sidecar.providers.kernel.refused_forms import Attempt, Body, RefusedForms, Rule, on_body

_STREAM, _WHOLE = ":streamGenerateContent?alt=sse", ":generateContent"


def not_streamed(attempt: Attempt, said: str) -> Attempt | None:
    """Ask for the answer as a whole."""
    if not attempt.url.endswith(_STREAM):
        return None
    return replace(attempt, url=attempt.url.removesuffix(_STREAM) + _WHOLE)


def instructions_in_question(body: Body) -> dict[str, Any] | None:
    """Put the instructions in front of the first question: some models know no place for them."""
    told = as_mapping(body.get("systemInstruction")).get("parts")
    if not told or body["contents"][0]["role"] != "user":
        return None
    first, *rest = body["contents"]
    kept = without_field("systemInstruction")(body) or {}
    return {**kept, "contents": [{**first, "parts": [*told, *first["parts"]]}, *rest]}


def limit_in(body: Body) -> int | None:
    """Return the limit of the answer."""
    return as_mapping(body.get("generationConfig")).get("maxOutputTokens") or None


def lower_limit(attempt: Attempt, said: str) -> Attempt | None:
    """Lower the limit to what the vendor says that it takes, or leave it to the vendor where it does not say."""
    generation = as_mapping(attempt.body.get("generationConfig"))
    wanted = generation.get("maxOutputTokens")
    if wanted is None:
        return None
    most = most_told(said, wanted)
    if most is None:
        body = without_inside("generationConfig", "maxOutputTokens")(attempt.body)
        return replace(attempt, body=body or {})
    return replace(
        attempt, body={**attempt.body, "generationConfig": {**generation, "maxOutputTokens": most}}
    )


def _form(body: Body) -> Mapping[str, Any]:
    generation = as_mapping(body.get("generationConfig"))
    return {name: generation.get(name) for name in ("responseMimeType", "responseJsonSchema")}


_IN_WORDS = Rule("the form of the answer", re.compile(""), on_body(in_words_instead), about=_form)

# What does least comes first: a refusal may name several things, and mean only one of them.
RULES = (
    Rule(
        "the form of the answer",
        re.compile(
            r"\bmime|json mode|json_?schema|response_?(?:json_?)?schema|structured output", re.IGNORECASE
        ),
        on_body(json_by_words),
        about=_form,
    ),
    no_temperature(without_inside("generationConfig", "temperature")),
    no_thinking(
        re.compile(r"thinking|\bthoughts?\b", re.IGNORECASE),
        without_inside("generationConfig", "thinkingConfig"),
    ),
    Rule(
        "the place of the instructions",
        re.compile(r"\b(?:developer|system)[ _]?instruction|\bsystem (?:role|prompt|message)", re.IGNORECASE),
        on_body(instructions_in_question),
    ),
    Rule("streaming", STREAMING, not_streamed),
    no_search(re.compile(r"google_?search|grounding|\btools?\b", re.IGNORECASE)),
    too_high(re.compile(r"max_?output_?tokens|output tokens", re.IGNORECASE), lower_limit),
)


class GeminiForms(RefusedForms):
    """What each model refused. A form that was not taken for a reason nobody names is asked for in words."""

    def another(self, attempt: Attempt, failure: Failure) -> Attempt | None:
        named = super().another(attempt, failure)
        if named is not None or not refuses_form(failure):
            return named
        # Whether a model takes a form beside a tool is not published for every one of them.
        return _IN_WORDS.applied(attempt, failure.detail or "")
