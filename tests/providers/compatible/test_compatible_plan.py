from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.compatible.fallback import roots, without_refused_field
from sidecar.providers.openai_family.json_by_prompt import in_words
from tests.helpers.compatible import ABLE, PLAIN, THINKER, plan

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_a_server_gets_only_what_all_of_them_take() -> None:
    made = plan(system="Be brief.", developer="Use metres.", max_output_tokens=100, temperature=0.5)
    assert made.path == "/chat/completions"
    assert made.body == {
        "model": "llama",
        "messages": [
            {"role": "system", "content": "Be brief.\n\nUse metres."},
            {"role": "user", "content": "Why?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 100,
        "temperature": 0.5,
    }
    assert made.notes == ()


def test_efforts_go_where_the_catalogue_lists_them() -> None:
    assert plan(THINKER, effort="low").body["reasoning_effort"] == "low"
    made = plan(PLAIN, effort="low")
    assert "reasoning_effort" not in made.body
    assert len(made.notes) == 1


def test_json_is_always_asked_for_in_words_because_a_format_may_be_ignored() -> None:
    made = plan(ABLE, json_mode=True, system="Be brief.")
    assert made.body["response_format"] == {"type": "json_object"}
    assert made.body["messages"][0]["content"] == f"Be brief.\n\n{in_words(None)}"
    with_schema = plan(ABLE, json_mode=True, json_schema=SCHEMA)
    assert with_schema.body["response_format"]["type"] == "json_schema"
    assert with_schema.body["messages"][0] == {"role": "system", "content": in_words(SCHEMA)}


@pytest.mark.parametrize(
    ("url", "places"),
    [
        ("http://localhost:11434", ("http://localhost:11434/v1", "http://localhost:11434")),
        ("http://localhost:11434/", ("http://localhost:11434/v1", "http://localhost:11434")),
        ("http://localhost:8000/v1", ("http://localhost:8000/v1",)),
        ("http://localhost:8000/v1/", ("http://localhost:8000/v1",)),
        ("https://router.example/api/v1", ("https://router.example/api/v1",)),
        (
            "https://x.example/v1beta/openai",
            ("https://x.example/v1beta/openai/v1", "https://x.example/v1beta/openai"),
        ),
        ("http://localhost:8000/v1/chat/completions", ("http://localhost:8000/v1",)),
        (" http://h/v2 ", ("http://h/v2",)),
    ],
)
def test_an_address_may_have_its_version_or_not(url: str, places: tuple[str, ...]) -> None:
    assert roots(url) == places


FULL: dict[str, Any] = {
    "model": "llama",
    "messages": [],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 100,
    "temperature": 0.5,
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
}


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
    body = without_refused_field(FULL, _refusal(detail))
    assert body is not None
    assert body.get(field) == left
    assert {**body, field: FULL[field]} == FULL


def test_the_newer_name_of_a_limit_is_taken_where_the_server_wants_it() -> None:
    told = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    body = without_refused_field(FULL, _refusal(told))
    assert body is not None
    assert (body.get("max_tokens"), body["max_completion_tokens"]) == (None, 100)
    again = without_refused_field(body, _refusal("max_completion_tokens is unknown"))
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
    assert without_refused_field(FULL, failure) is None


def test_leaving_out_comes_to_an_end() -> None:
    body: dict[str, Any] | None = FULL
    names = "stream_options reasoning_effort response_format max_tokens max_completion_tokens temperature"
    rounds = 0
    while body is not None:
        kept = body
        body = without_refused_field(body, _refusal(names))
        rounds += 1
    assert set(kept) == {"model", "messages", "stream"}
    assert rounds == 8
