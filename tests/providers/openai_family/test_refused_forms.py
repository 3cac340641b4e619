"""The other form of a question that was refused for its form."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.refused_forms import Attempt, RefusedForms, other_form
from sidecar.providers.openai_family.json_by_prompt import in_words
from sidecar.providers.openai_family.refused_forms import RULES, limit_in

FULL: dict[str, Any] = {
    "model": "llama",
    "messages": [{"role": "user", "content": f"Why?\n\n{in_words({})}"}],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 100,
    "temperature": 0.5,
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
}


def form(body: dict[str, Any], failure: Failure) -> dict[str, Any] | None:
    """The body in its other form, if there is one."""
    found = other_form(RULES, Attempt("https://lab/v1", body, str(body["model"])), failure)
    return None if found is None else dict(found[1].body)


def _refusal(detail: str, status: int = 400, kind: str = "provider_rejected") -> Failure:
    return Failure(kind, "No.", status=status, detail=detail)


@pytest.mark.parametrize(
    ("detail", "field", "left"),
    [
        ("Unknown field: stream_options", "stream_options", None),
        ("include_usage is not supported", "stream_options", None),
        ("body.temperature: must be at most 1", "temperature", None),
        ("reasoning_effort is not permitted", "reasoning_effort", None),
        ("max_tokens is too large: 100", "max_tokens", None),
        ("json_schema is not supported", "response_format", {"type": "json_object"}),
        ("unknown stream_options; known are temperature, max_tokens", "stream_options", None),
    ],
)
def test_a_field_that_is_named_is_left_out_or_made_simpler(detail: str, field: str, left: Any) -> None:
    body = form(FULL, _refusal(detail))
    assert body is not None
    assert body.get(field) == left
    assert {**body, field: FULL[field]} == FULL


def test_the_newer_name_of_a_limit_is_taken_where_the_server_wants_it() -> None:
    told = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    body = form(FULL, _refusal(told))
    assert body is not None
    assert (body.get("max_tokens"), body["max_completion_tokens"]) == (None, 100)
    again = form(body, _refusal("max_completion_tokens is unknown"))
    assert again is not None
    assert "max_completion_tokens" not in again


@pytest.mark.parametrize(
    "failure",
    [
        _refusal("The messages make no sense"),
        _refusal("temperature", status=500, kind="provider_unavailable"),
        _refusal("temperature", status=401, kind="invalid_api_key"),
        _refusal("temperature", kind="content_filtered"),
        Failure("provider_rejected", "No.", status=400),
    ],
)
def test_nothing_else_is_tried_again(failure: Failure) -> None:
    assert form(FULL, failure) is None


def test_leaving_out_comes_to_an_end() -> None:
    body: dict[str, Any] | None = FULL
    names = "stream_options reasoning_effort response_format max_tokens max_completion_tokens temperature"
    rounds = 0
    while body is not None:
        kept = body
        body = form(body, _refusal(names))
        rounds += 1
    assert set(kept) == {"model", "messages", "stream"}
    assert rounds == 8


ASKED = {
    "model": "m",
    "stream": True,
    "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
}


@pytest.mark.parametrize(
    ("detail", "changed"),
    [
        ("Your organization must be verified to stream this model.", {"stream": False}),
        ("unsupported_value: streaming is not supported", {"stream": False}),
        (
            "Developer instruction is not enabled for this model",
            {"messages": [{"role": "user", "content": "Be brief.\n\nWhy?"}]},
        ),
        ("System role not supported", {"messages": [{"role": "user", "content": "Be brief.\n\nWhy?"}]}),
        (
            "Only user, assistant and tool roles are supported",
            {"messages": [{"role": "user", "content": "Be brief.\n\nWhy?"}]},
        ),
    ],
)
def test_a_question_is_put_as_the_server_can_take_it(detail: str, changed: dict[str, Any]) -> None:
    assert form(ASKED, _refusal(detail)) == {**ASKED, **changed}


def test_a_property_called_pattern_stays_when_the_patterns_go() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string", "pattern": "^(?=a)"}}}
    asked = {
        **ASKED,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
    }
    changed = form(
        asked, _refusal("Invalid schema: 'pattern' is not a valid regex: look-around is not supported")
    )
    assert changed is not None
    kept = changed["response_format"]["json_schema"]["schema"]
    assert kept == {"type": "object", "properties": {"pattern": {"type": "string"}}}


def test_what_a_model_refused_is_left_out_of_its_next_question_and_of_nobody_else_s() -> None:
    refused = RefusedForms("lab", RULES, limit_in)
    first = Attempt("https://lab/v1", ASKED, "m")
    again = refused.another(first, _refusal("this organization may not stream"))
    assert again is not None
    assert refused.known(first).body["stream"] is False
    assert refused.known(Attempt("https://lab/v1", {**ASKED, "model": "n"}, "n")).body["stream"] is True
    assert refused.refuses("m", "streaming")
