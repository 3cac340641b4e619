from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sidecar.providers.base import Turn
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai_family.json_by_prompt import in_words
from tests.helpers.grok import MODELS, ask, plan

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
LOOSE = {"type": "object", "additionalProperties": {"type": "integer"}}
MULTI_AGENT = "grok-4.20-multi-agent-0309"


def test_a_bare_question_says_nothing_that_was_not_asked() -> None:
    made = plan("grok-4.3")
    assert made.path == "/chat/completions"
    assert made.body == {
        "model": "grok-4.3",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert made.headers == {"accept": "text/event-stream"}
    assert made.notes == ()


def test_the_developers_prompt_is_folded_into_the_system_prompt() -> None:
    made = plan("grok-4.7", system="Be brief.", developer="Use metres.")
    assert made.body["messages"][0] == {"role": "system", "content": "Be brief.\n\nUse metres."}
    assert [message["role"] for message in made.body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("model", "effort", "sent", "noted"),
    [
        ("grok-4.7", "xhigh", "xhigh", False),
        ("grok-4.7", "max", "xhigh", True),
        ("grok-4.7", "none", "low", True),
        ("grok-4.6", "low", "low", False),
        ("grok-4.5", "xhigh", "high", True),
        ("grok-4.3", "none", "none", False),
        ("grok-4.3", "minimal", "low", True),
        ("grok-4.20-0309-reasoning", "high", None, True),
        ("grok-4.20-0309-non-reasoning", "high", None, True),
        (MULTI_AGENT, "high", None, True),
        ("grok-build-0.1", "high", None, True),
        ("grok-4.3", None, None, False),
    ],
)
def test_an_effort_goes_only_to_models_that_list_it(
    model: str, effort: str | None, sent: str | None, noted: bool
) -> None:
    made = plan(model, effort=effort)
    assert made.body.get("reasoning_effort") == sent
    assert any("effort" in note for note in made.notes) is noted


@pytest.mark.parametrize(
    ("wanted", "sent", "noted"), [(0.0, 0.0, False), (0.7, 0.7, False), (2.5, 2.0, True)]
)
@pytest.mark.parametrize("model", ["grok-4.3", "grok-4.7", "grok-4.20-0309-non-reasoning"])
def test_temperature_is_taken_while_reasoning_too(
    model: str, wanted: float, sent: float, noted: bool
) -> None:
    made = plan(model, temperature=wanted)
    assert made.body["temperature"] == sent
    assert any("temperature" in note for note in made.notes) is noted


@pytest.mark.parametrize("model", MODELS)
def test_what_the_vendor_calls_an_error_is_never_sent(model: str) -> None:
    made = plan(
        model,
        system="s",
        developer="d",
        temperature=0.3,
        max_output_tokens=100,
        effort="high",
        thinking=True,
        cache_ttl="1h",
        json_mode=True,
    )
    never = {"stop", "presence_penalty", "frequency_penalty", "max_tokens", "logprobs", "search_parameters"}
    assert not never & made.body.keys()
    assert made.body.get("max_completion_tokens", made.body.get("max_output_tokens")) == 100
    assert made.max_output_tokens == 100
    assert all(note.endswith(".") and len(note) < 120 for note in made.notes)


def test_json_mode_is_native_and_has_the_word_json_in_a_message() -> None:
    made = plan("grok-4.3", json_mode=True)
    assert made.body["response_format"] == {"type": "json_object"}
    assert "JSON" in made.body["messages"][0]["content"]


def test_a_schema_is_native_where_all_of_it_can_be_said() -> None:
    made = plan("grok-4.3", json_mode=True, json_schema=SCHEMA)
    form = made.body["response_format"]
    assert (form["type"], form["json_schema"]["strict"]) == ("json_schema", True)
    assert made.notes == ()


def test_a_schema_that_may_be_refused_is_asked_for_in_words_within_json_mode() -> None:
    made = plan("grok-4.3", json_mode=True, json_schema=LOOSE, asked=frozenset({"jsonSchema"}))
    assert made.body["response_format"] == {"type": "json_object"}
    assert made.body["messages"][0] == {"role": "system", "content": in_words(LOOSE)}
    assert len(made.notes) == 1


def test_a_schema_of_a_list_is_asked_for_in_words_alone() -> None:
    schema = {"type": "array", "items": SCHEMA}
    made = plan("grok-4.3", json_mode=True, json_schema=schema)
    assert "response_format" not in made.body
    assert made.body["messages"][0]["content"] == in_words(schema)


@pytest.mark.parametrize("schema", [None, SCHEMA])
def test_a_model_without_json_mode_is_asked_in_words_also_by_name(schema: dict[str, Any] | None) -> None:
    asked = frozenset({"jsonMode", "jsonSchema"})
    made = plan(MULTI_AGENT, json_mode=True, json_schema=schema, asked=asked)
    assert "text" not in made.body
    assert made.body["input"][0] == {"role": "system", "content": in_words(schema)}
    assert len(made.notes) == 1


def test_web_search_goes_to_the_responses_api_and_nothing_is_stored() -> None:
    made = plan("grok-4.3", web_search_max_uses=5, system="Be brief.", effort="low", max_output_tokens=500)
    assert made.path == "/responses"
    assert made.body == {
        "model": "grok-4.3",
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "stream": True,
        "store": False,
        "max_output_tokens": 500,
        "reasoning": {"effort": "low"},
        "tools": [{"type": "web_search"}],
    }
    assert made.notes == ("xAI Grok takes no limit on searches; the model decides how many it makes.",)


def test_the_model_that_only_responses_serve_is_asked_there() -> None:
    made = plan(MULTI_AGENT)
    assert (made.path, made.body["store"]) == ("/responses", False)


def test_requests_that_share_a_beginning_go_to_the_same_cache() -> None:
    first = plan("grok-4.3", "one", system="Long.", cache_ttl="5m")
    second = plan("grok-4.3", "two", system="Long.", cache_ttl="5m")
    other = plan("grok-4.3", "one", system="Other.", cache_ttl="5m")
    assert first.headers["x-grok-conv-id"] == second.headers["x-grok-conv-id"]
    assert first.headers["x-grok-conv-id"] != other.headers["x-grok-conv-id"]
    searched = plan("grok-4.3", "one", system="Long.", cache_ttl="5m", web_search_max_uses=1)
    assert searched.body["prompt_cache_key"] == first.headers["x-grok-conv-id"]
    assert "Long" not in first.headers["x-grok-conv-id"]


def test_a_conversation_without_instructions_is_known_by_its_first_turn() -> None:
    request = ask("grok-4.3", "one", cache_ttl="5m")
    longer = replace(request, turns=(*request.turns, Turn("assistant", "a"), Turn("user", "two")))
    made = Grok(HttpClient(), "https://api.x.ai/v1")
    assert made.plan(request).headers == made.plan(longer).headers
