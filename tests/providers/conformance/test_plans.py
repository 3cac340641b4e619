"""What is sent: the conversation, the limits, JSON, and what happens to a wish that cannot be met."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import PreparedCall, Turn
from tests.providers.conformance.vendor import SCHEMA, Vendor

LOOSE = {"type": "object", "additionalProperties": {"type": "integer"}}


def own_notes(vendor: Vendor, made: PreparedCall) -> list[str]:
    """The notes that the options brought, beside those that the way itself brings."""
    return [note for note in made.notes if note not in vendor.plan().notes]


def test_a_bare_question_is_one_turn_and_no_instructions(vendor: Vendor) -> None:
    made = vendor.plan()
    assert vendor.roles(made.body) == [("user", "Why?")]
    assert vendor.instructions(made.body) == ""
    assert vendor.form(made.body) is None
    assert made.path == vendor.path.removeprefix(vendor.version)


def test_earlier_turns_go_along_in_order(vendor: Vendor) -> None:
    turns = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))
    made = vendor.plan(turns=turns)
    assert vendor.roles(made.body) == [("user", "a"), ("assistant", "b"), ("user", "c")]


def test_the_persons_and_the_developers_instructions_come_first_in_this_order(vendor: Vendor) -> None:
    made = vendor.plan(system="Be brief.", developer="Use metres.")
    assert vendor.instructions(made.body) == "Be brief.\n\nUse metres."
    assert vendor.roles(made.body) == [("user", "Why?")]


def test_the_limit_that_is_sent_is_what_budgets_reserve(vendor: Vendor) -> None:
    made = vendor.plan(max_output_tokens=500)
    assert (vendor.limit(made.body), made.max_output_tokens) == (500, 500)
    assert own_notes(vendor, made) == []


@pytest.mark.parametrize("wanted", [None, 0])
def test_a_limit_that_is_not_wanted_is_not_sent(vendor: Vendor, wanted: int | None) -> None:
    made = vendor.plan(max_output_tokens=wanted)
    assert (vendor.limit(made.body), made.max_output_tokens) == (None, None)


def test_a_saved_limit_that_the_model_cannot_reach_is_lowered_and_noted(vendor: Vendor) -> None:
    made = vendor.plan(max_output_tokens=10**9)
    longest = vendor.ask().traits.max_output_tokens
    assert longest is not None
    assert (vendor.limit(made.body), made.max_output_tokens) == (longest, longest)
    (note,) = own_notes(vendor, made)
    assert f"{longest:,}" in note


def test_a_limit_that_the_model_cannot_reach_is_refused_when_it_was_asked_by_name(vendor: Vendor) -> None:
    with pytest.raises(Failure) as raised:
        vendor.plan(max_output_tokens=10**9, asked=["maxOutputTokens"])
    assert raised.value.kind == "unsupported"
    assert f"{vendor.ask().traits.max_output_tokens:,}" in raised.value.message


def test_the_largest_limit_can_be_asked_by_name(vendor: Vendor) -> None:
    longest = vendor.ask().traits.max_output_tokens
    made = vendor.plan(max_output_tokens=longest, asked=["maxOutputTokens"])
    assert (vendor.limit(made.body), made.max_output_tokens) == (longest, longest)


def test_a_schema_is_enforced_where_it_can_be(vendor: Vendor) -> None:
    made = vendor.plan(json_mode=True, json_schema=SCHEMA)
    form = vendor.form(made.body)
    assert form["properties"] == SCHEMA["properties"]
    assert form["required"] == ["n"]
    assert own_notes(vendor, made) == []


def test_json_without_a_schema_has_the_vendors_own_form(vendor: Vendor) -> None:
    made = vendor.plan(json_mode=True)
    assert vendor.form(made.body) == "json"
    assert own_notes(vendor, made) == []


@pytest.mark.parametrize("asked", [(), ("jsonMode", "jsonSchema")], ids=["saved", "by name"])
@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["mode", "schema"])
def test_json_is_asked_for_in_words_where_the_model_has_no_form_for_it(
    vendor: Vendor, schema: Any, asked: tuple[str, ...]
) -> None:
    made = vendor.unable(system="Be brief.", json_mode=True, json_schema=schema, asked=asked)
    assert vendor.form(made.body) is None
    told = vendor.instructions(made.body)
    assert told.startswith("Be brief.\n\n")
    assert "JSON" in told
    assert ('"n"' in told) is (schema is not None)
    assert len(made.notes) == (0 if schema is None and vendor.words_are_its_json_mode else 1)


@pytest.mark.parametrize("schema", [{"type": "array", "items": SCHEMA}, LOOSE], ids=["a list", "open"])
def test_a_schema_that_cannot_be_enforced_stands_in_the_instructions(vendor: Vendor, schema: Any) -> None:
    made = vendor.plan(json_mode=True, json_schema=schema)
    told = vendor.instructions(made.body)
    if vendor.form(made.body) not in (None, "json"):
        assert vendor.form(made.body)["type"] == schema["type"]
    else:
        assert '"integer"' in told
        assert len(own_notes(vendor, made)) == 1


@pytest.mark.parametrize(
    ("options", "asked", "words"),
    [
        ({"web_search_max_uses": 5}, "enableWebSearch", "cannot search the web"),
        ({"thinking": True}, "enableExtendedThinking", ""),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_noted_otherwise(
    vendor: Vendor, options: dict[str, Any], asked: str, words: str
) -> None:
    with pytest.raises(Failure) as raised:
        vendor.unable(**options, asked=[asked])
    assert raised.value.kind == "unsupported"
    assert (words or vendor.no_thinking) in raised.value.message
    made = vendor.unable(**options)
    assert len(made.notes) == 1
    assert made.body == vendor.unable().body


def test_a_refusal_says_what_the_model_can_do(vendor: Vendor) -> None:
    with pytest.raises(Failure) as raised:
        vendor.partly_able(thinking=True, asked=["enableExtendedThinking"])
    assert "Choose another model; it can do: JSON schemas, reasoning efforts." in raised.value.message


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_a_cache_that_the_model_does_not_have_is_noted(vendor: Vendor, ttl: str) -> None:
    made = vendor.unable(cache_ttl=ttl, system="Be brief.")
    assert len(made.notes) == 1
    assert made.body == vendor.unable(system="Be brief.").body
    assert made.headers == vendor.unable(system="Be brief.").headers


def test_caching_that_the_model_has_is_not_noted(vendor: Vendor) -> None:
    assert own_notes(vendor, vendor.plan(cache_ttl="5m", system="Be brief.")) == []


def test_a_cache_of_an_hour_is_noted_where_the_vendor_has_none(vendor: Vendor) -> None:
    (note,) = own_notes(vendor, vendor.plan(cache_ttl="1h"))
    assert "no one-hour cache" in note


def test_web_search_is_asked_for(vendor: Vendor) -> None:
    assert vendor.plan(web_search_max_uses=3).body["tools"]


@pytest.mark.parametrize("able", [True, False], ids=["able", "unable"])
def test_every_note_is_one_short_sentence(vendor: Vendor, able: bool) -> None:
    wishes: dict[str, Any] = {
        "temperature": 3.0,
        "effort": "none",
        "thinking": True,
        "cache_ttl": "1h",
        "max_output_tokens": 10**9,
        "web_search_max_uses": 1,
        "json_schema": {"type": "string", "pattern": "^a"},
    }
    made = [vendor.plan(model=model, **wishes) for model in vendor.models]
    for one in made if able else [vendor.unable(**wishes)]:
        assert one.notes
        for note in one.notes:
            assert note.endswith(".")
            assert len(note) < 120
