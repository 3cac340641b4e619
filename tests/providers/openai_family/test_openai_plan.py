from __future__ import annotations

from typing import Any

import pytest

from sidecar.providers.base import PreparedCall
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.options import EFFORTS, nearest_effort
from sidecar.providers.openai.provider import OpenAI
from sidecar.providers.openai_family.json_by_prompt import in_words
from tests.helpers.openai_models import ask

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def plan(model: str, text: str = "Why?", **options: Any) -> PreparedCall:
    return OpenAI(HttpClient(), "https://api.example/v1").plan(ask(model, text, **options))


def test_a_bare_question_says_nothing_that_was_not_asked() -> None:
    made = plan("gpt-4o")
    assert made.path == "/chat/completions"
    assert made.body == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
    }
    assert made.notes == ()
    assert made.max_output_tokens is None


@pytest.mark.parametrize(
    ("model", "role"), [("gpt-4o", "system"), ("gpt-5", "developer"), ("o3-mini", "developer")]
)
def test_instructions_go_to_the_role_that_the_model_follows(model: str, role: str) -> None:
    made = plan(model, system="Be brief.", developer="Use metres.")
    assert made.body["messages"] == [
        {"role": role, "content": "Be brief."},
        {"role": role, "content": "Use metres."},
        {"role": "user", "content": "Why?"},
    ]


@pytest.mark.parametrize(
    ("model", "effort", "temperature", "sent", "noted"),
    [
        ("gpt-4o", None, 0.7, 0.7, False),
        ("gpt-4o", None, 0.0, 0.0, False),
        ("gpt-4o", None, 2.5, 2.0, True),
        ("gpt-4o", None, -1.0, 0.0, True),
        ("gpt-5", None, 0.7, None, True),
        ("gpt-5", "none", 0.7, None, True),
        ("gpt-5", None, 1.0, None, False),
        ("gpt-5.1", "none", 0.7, 0.7, False),
        ("gpt-5.1", "low", 0.7, None, True),
        ("gpt-5.4-mini", None, 0.7, None, True),
        ("o3-mini", "high", 0.2, None, True),
        ("gpt-6.1-sol", "none", 0.2, None, True),
    ],
)
def test_temperature_is_sent_only_where_it_is_taken(
    model: str, effort: str | None, temperature: float, sent: float | None, noted: bool
) -> None:
    made = plan(model, effort=effort, temperature=temperature)
    assert made.body.get("temperature") == sent
    assert any("temperature" in note for note in made.notes) is noted


@pytest.mark.parametrize(
    ("model", "effort", "sent", "noted"),
    [
        ("gpt-5", "high", "high", False),
        ("gpt-5", "xhigh", "high", True),
        ("gpt-5", "none", "minimal", True),
        ("gpt-5.1", "minimal", "low", True),
        ("gpt-6.1-sol", "none", "low", True),
        ("gpt-6.1-sol", "xhigh", "xhigh", False),
        ("o3-mini", "max", "high", True),
        ("gpt-5.4-mini", "high", "high", False),
        ("gpt-5.4-mini", "xhigh", "high", True),
        ("gpt-4o", "high", None, True),
        ("gpt-4o", None, None, False),
    ],
)
def test_effort_is_the_nearest_that_the_model_takes(
    model: str, effort: str | None, sent: str | None, noted: bool
) -> None:
    made = plan(model, effort=effort)
    assert made.body.get("reasoning_effort") == sent
    assert any("effort" in note for note in made.notes) is noted


@pytest.mark.parametrize("wanted", EFFORTS)
def test_of_two_efforts_as_near_the_stronger_is_taken(wanted: str) -> None:
    place = EFFORTS.index(wanted)
    if 0 < place < len(EFFORTS) - 1:
        assert nearest_effort(wanted, (EFFORTS[place - 1], EFFORTS[place + 1])) == EFFORTS[place + 1]
    assert nearest_effort(wanted, EFFORTS) == wanted


@pytest.mark.parametrize(
    ("text", "reminded"), [("Give me JSON", False), ("as json please", False), ("Why?", True)]
)
def test_json_mode_always_has_the_word_json_in_a_message(text: str, reminded: bool) -> None:
    made = plan("gpt-5", text, json_mode=True)
    assert made.body["response_format"] == {"type": "json_object"}
    assert (len(made.body["messages"]) == 2) is reminded
    assert any("json" in message["content"].lower() for message in made.body["messages"])


def test_a_schema_is_enforced_where_it_can_be() -> None:
    made = plan("gpt-5", json_mode=True, json_schema={**SCHEMA, "title": "My answer!"})
    form = made.body["response_format"]["json_schema"]
    assert (form["name"], form["strict"]) == ("My_answer", True)
    assert form["schema"]["additionalProperties"] is False
    assert made.notes == ()


def test_a_schema_that_cannot_be_enforced_goes_as_it_is_and_is_noted() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    made = plan("gpt-5", json_mode=True, json_schema=schema)
    form = made.body["response_format"]["json_schema"]
    assert (form["schema"], form["strict"]) == (schema, False)
    assert len(made.notes) == 1


def test_web_search_goes_to_the_responses_api() -> None:
    made = plan("gpt-5", web_search_max_uses=3, system="Be brief.", effort="low", max_output_tokens=500)
    assert made.path == "/responses"
    assert made.body == {
        "model": "gpt-5",
        "input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "store": False,
        "max_output_tokens": 500,
        "reasoning": {"effort": "low"},
        "tools": [{"type": "web_search"}],
        "max_tool_calls": 3,
    }
    assert made.max_output_tokens == 500


def test_the_effort_that_web_search_refuses_is_raised() -> None:
    made = plan("gpt-5", web_search_max_uses=3, effort="minimal")
    assert made.body["reasoning"] == {"effort": "low"}
    assert "with web search" in made.notes[0]


def test_the_highest_effort_goes_to_the_responses_api() -> None:
    made = plan("gpt-6.1-sol", effort="max")
    assert (made.path, made.body["reasoning"]) == ("/responses", {"effort": "max"})


def test_summaries_of_thinking_come_from_the_responses_api() -> None:
    made = plan("thinker", thinking=True, effort="high")
    assert (made.path, made.body["reasoning"]) == ("/responses", {"effort": "high", "summary": "auto"})


@pytest.mark.parametrize(("schema", "kind"), [(None, "json_object"), (SCHEMA, "json_schema")])
def test_json_on_the_responses_api_stands_under_text(schema: dict[str, Any] | None, kind: str) -> None:
    made = plan("gpt-5", web_search_max_uses=1, json_mode=True, json_schema=schema)
    assert made.body["text"]["format"]["type"] == kind
    assert "response_format" not in made.body


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": SCHEMA},
        {"type": "string"},
        {"type": ["array", "null"]},
        {"enum": ["a", "b"]},
        {"anyOf": [{"type": "string"}, {"type": "array"}]},
    ],
)
def test_a_schema_whose_root_is_no_object_is_asked_for_in_words(schema: dict[str, Any]) -> None:
    made = plan("gpt-5", json_mode=True, json_schema=schema)
    assert "response_format" not in made.body
    assert made.body["messages"][0] == {"role": "developer", "content": in_words(schema)}
