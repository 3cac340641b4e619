"""The decisions around a question that need no service: options, room, schemas, replies."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sidecar.chat.json_output.schema import read_schema
from sidecar.chat.json_output.validate import read_reply
from sidecar.chat.options import Options, chat_request, newest_that_fit, room_for_history, roughly_tokens
from sidecar.contract.settings import DEFAULTS
from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, ModelCapabilities, Turn

PLAIN = ModelCapabilities(features=frozenset({"streaming"}), context_size=1_000, max_output_tokens=500)
REASONING = ModelCapabilities(
    features=frozenset({"reasoning"}), efforts=("low", "high"), max_output_tokens=100_000
)


def decide(
    traits: ModelCapabilities, options: Options, saved: dict[str, Any] | None = None
) -> tuple[ChatRequest, tuple[str, ...]]:
    return chat_request("m", "Hi", traits, options, saved or {}, DEFAULTS)


def test_an_option_that_is_absent_takes_the_saved_setting() -> None:
    request, _ = decide(
        REASONING, Options(), {"enableWebSearch": True, "maxWebSearchUses": 2, "maxOutputTokens": 50}
    )
    assert (request.web_search_max_uses, request.max_output_tokens) == (2, 50)
    assert request.asked == frozenset()


def test_an_option_of_the_request_wins_over_the_saved_setting_and_counts_as_asked() -> None:
    request, _ = decide(REASONING, Options(web_search=False, thinking=True), {"enableWebSearch": True})
    assert request.web_search_max_uses is None
    assert request.asked == {"enableExtendedThinking"}


def test_the_setting_for_json_never_turns_json_on_by_itself() -> None:
    request, _ = decide(PLAIN, Options(), {"jsonMode": True})
    assert not request.json_mode


def test_a_schema_turns_json_on() -> None:
    request, _ = decide(PLAIN, Options(json_schema={"type": "object"}))
    assert request.json_mode


def test_no_limit_is_said_with_zero() -> None:
    request, _ = decide(PLAIN, Options(), {"maxOutputTokens": 0})
    assert request.max_output_tokens is None
    request, _ = decide(PLAIN, Options(max_output_tokens=0), {"maxOutputTokens": 50})
    assert request.max_output_tokens is None


def test_a_limit_above_what_the_model_writes_is_lowered_and_said() -> None:
    request, notes = decide(PLAIN, Options(max_output_tokens=9_000))
    assert request.max_output_tokens == 500
    assert any("500" in note for note in notes)


def test_the_default_limit_is_lowered_without_a_word() -> None:
    request, notes = decide(PLAIN, Options())
    assert (request.max_output_tokens, notes) == (500, ())


def test_the_default_effort_goes_to_reasoning_models_only_but_a_chosen_one_to_all() -> None:
    assert decide(REASONING, Options())[0].effort == "high"
    assert decide(PLAIN, Options())[0].effort is None
    assert decide(PLAIN, Options(), {"reasoningEffort": "low"})[0].effort == "low"


def test_a_model_that_reasons_without_efforts_is_not_bothered_with_the_default_one() -> None:
    traits = ModelCapabilities(features=frozenset({"reasoning"}), extra={"effort": []})
    assert decide(traits, Options())[0].effort is None


def test_room_is_what_the_window_leaves_beside_the_question_and_the_answer() -> None:
    assert room_for_history(10_000, 1_000, ["x" * 3_000]) == 10_000 - 1_000 - roughly_tokens("x" * 3_000)
    assert room_for_history(100, 1_000, ["x" * 3_000]) == 0


def test_other_scripts_are_taken_for_more_tokens_than_letters() -> None:
    assert roughly_tokens("語" * 100) > roughly_tokens("a" * 100) * 2


def test_the_oldest_turns_go_first_and_never_leave_an_answer_without_its_question() -> None:
    turns = [
        Turn("user", "a" * 300),
        Turn("assistant", "b" * 300),
        Turn("user", "c" * 300),
        Turn("assistant", "d"),
    ]
    assert newest_that_fit(turns, 10_000) == tuple(turns)
    assert newest_that_fit(turns, 250) == tuple(turns[2:])
    assert newest_that_fit(turns, 10) == ()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ('{"type": "object"}', {"type": "object"}),
        (
            {
                "type": "object",
                "properties": {"trend": "string", "tags": {"type": "array", "items": "string"}},
            },
            {
                "type": "object",
                "properties": {
                    "trend": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
        ),
    ],
)
def test_a_schema_is_read_as_people_write_it(given: Any, read: Any) -> None:
    assert read_schema(given) == read


@pytest.mark.parametrize(
    "given",
    [
        "not json",
        "[1]",
        {"type": "strin"},
        {"properties": {"a": "text"}},
        {"required": "a"},
        {"$schema": 7},
        '{"items": ' * 3_000 + "{}" + "}" * 3_000,
        {"properties": {"a": {"$ref": "#/$defs/forgotten"}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "https://schemas.example/address.json"}}},
    ],
)
def test_a_schema_that_is_none_is_refused_before_anything_is_paid(given: Any) -> None:
    with pytest.raises(Failure) as caught:
        read_schema(given)
    assert caught.value.kind == "invalid_params"


@pytest.mark.parametrize(
    "given",
    [
        {"$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"},
        {"$defs": {"a": {"$anchor": "here"}}, "properties": {"a": {"$ref": "#here"}}},
        {"$id": "https://ours/whole", "$defs": {"a": {"$id": "part"}}, "items": {"$ref": "part"}},
        {
            "$schema": "http://json-schema.org/draft-04/schema#",
            "definitions": {"a": {}},
            "items": {"$ref": "#"},
        },
        {"properties": {"schema": {"$ref": "http://json-schema.org/draft-07/schema#"}}},
        {"properties": {"$ref": {"type": "string"}}, "enum": [{"$ref": "nowhere"}]},
    ],
)
def test_references_that_lead_somewhere_are_taken(given: dict[str, Any]) -> None:
    assert read_schema(given) == given


def test_a_schema_that_names_an_address_on_the_web_is_never_looked_up_there() -> None:
    asked: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        schema = {"properties": {"a": {"$ref": f"http://127.0.0.1:{site.server_port}/a.json"}}}
        # As a job that was stored before such schemas were refused holds it.
        with pytest.raises(Failure, match="leads to nothing"):
            read_reply('{"a": 1}', schema)
        site.shutdown()
    assert asked == []


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 900 + "]" * 900])
def test_a_reply_that_is_nested_beyond_all_reason_is_an_error_that_holds_it(text: str) -> None:
    with pytest.raises(Failure) as caught:
        read_reply(text, {"items": {"$ref": "#"}})
    assert (caught.value.kind, caught.value.detail) == ("invalid_output", text)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  {"a": 1}\n',
        '```json\n{"a": 1}\n```',
        'Here it is:\n```\n{"a": 1}\n```\nDone.',
        'Sure! {"a": 1} Bye.',
    ],
)
def test_json_is_found_in_what_models_write_around_it(text: str) -> None:
    assert read_reply(text, {"type": "object", "required": ["a"]}) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        '{"items": [{"a": 1}, {"a": 2}, {"a"',
        '{"a": {"b": 1},, "c": 2}',
        '```json\n{"items": [{"a": 1}, {"a": 2',
        '[{"a": 1}, {"a": NaN}]',
    ],
)
def test_a_piece_of_json_that_is_broken_is_not_taken_for_the_answer(text: str) -> None:
    with pytest.raises(Failure) as caught:
        read_reply(text, None)
    assert (caught.value.kind, caught.value.detail) == ("invalid_output", text)


@pytest.mark.parametrize(
    "text",
    [
        'Draft: {"a": 0}. Final: {"a": 1}',
        '```json\n{"a": 0}\n```\nBetter:\n```json\n{"a": 1}\n```',
        '```json\n{"a": 0}\n```\nNo: {"a": 1}',
        'First {"a": 0}.\n```\n{"a": 1}\n```\nSee [1], [2] and {}.',
        '[{"a": 0}]\n{"a": 1}',
    ],
)
def test_without_a_schema_the_last_object_is_the_answer(text: str) -> None:
    assert read_reply(text, None) == {"a": 1}


def test_without_a_schema_and_an_object_the_last_list_is_the_answer() -> None:
    assert read_reply("Perhaps [1]. No: [2, 3], and never [].", None) == [2, 3]
    assert read_reply("```json\n[]\n```", None) == []
    assert read_reply("42", None) == 42


@pytest.mark.parametrize(
    "text", ['As {name} said [in short]: {"a": 1}', '[see {"a": 1}]', '{x}{"b": 2}{"a": 1}']
)
def test_brackets_in_the_prose_before_it_do_not_hide_the_json(text: str) -> None:
    assert read_reply(text, None) == {"a": 1}


def test_json_that_was_cut_off_at_the_limit_says_that_the_limit_is_too_low() -> None:
    with pytest.raises(Failure, match="maximum answer length"):
        read_reply('{"items": [{"a": 1}, ', None, "length")


def test_nulls_that_a_strict_vendor_wrote_for_absent_members_are_taken_back() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": ["string", "null"]}},
        "required": ["a"],
    }
    assert read_reply('{"a": 1, "b": null, "c": null}', schema) == {"a": 1, "c": None}


@pytest.mark.parametrize("text", ["", "no", "{a: one}", '{"a": NaN}', '{"b": 1}'])
def test_what_is_no_valid_json_is_an_error_that_holds_the_reply(text: str) -> None:
    with pytest.raises(Failure) as caught:
        read_reply(text, {"type": "object", "required": ["a"]})
    assert (caught.value.kind, caught.value.detail) == ("invalid_output", text)


@pytest.mark.parametrize(
    "schema",
    [
        {"required": [{} for _ in range(20_000)]},
        {"required": [*(str(number) for number in range(5_000)), 1]},
        {"$schema": "http://json-schema.org/draft-07/schema#", "enum": [[number] for number in range(5_000)]},
        {"properties": {f"p{number}": {} for number in range(20_000)}},
        {"pattern": "a" * 2_000_000},
    ],
)
def test_a_schema_that_would_take_long_to_read_is_refused_at_once(schema: dict[str, Any]) -> None:
    with pytest.raises(Failure, match=r"has more than .* nothing was paid"):
        read_schema(schema)


def test_fences_and_white_space_without_end_are_read_in_one_pass() -> None:
    with pytest.raises(Failure, match="did not answer with JSON"):
        read_reply("```\n" + " " * 150_000 + "x" + "```json x" * 5_000, None)
    assert read_reply("Here:\n```json\n" + " " * 100_000 + "[1]\n```", None) == [1]
