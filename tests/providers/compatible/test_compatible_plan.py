from __future__ import annotations

import pytest

from sidecar.providers.compatible.server_models import roots
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
        (" http://h/v2 ", ("http://h/v2",)),
    ],
)
def test_an_address_may_have_its_version_or_not(url: str, places: tuple[str, ...]) -> None:
    assert roots(url) == places
