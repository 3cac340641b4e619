from __future__ import annotations

from typing import Any

import pytest

from sidecar.providers.anthropic.continuation import continued
from sidecar.providers.anthropic.options import JSON_ONLY
from sidecar.providers.base import ModelCapabilities, Turn
from tests.helpers.anthropic_asking import (
    ALWAYS,
    BETWEEN,
    BUDGET,
    BUDGET_EFFORT,
    EITHER,
    QUIET,
    RETIRED,
    THINKS,
    plan,
)

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
PLAIN = ModelCapabilities(frozenset({"streaming"}))
SUMMARIZED = {"type": "adaptive", "display": "summarized"}


def test_a_bare_question_says_only_what_is_required() -> None:
    made = plan(BETWEEN)
    assert made.path == "/v1/messages"
    assert made.body == {
        "model": BETWEEN,
        "max_tokens": 128_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}],
        "stream": True,
    }
    assert made.notes == ()
    assert made.max_output_tokens == 128_000


def test_the_developer_and_the_instructions_for_json_are_folded_into_the_system() -> None:
    made = plan(system="Be brief.", developer="Use metres.", json_mode=True)
    assert [block["text"] for block in made.body["system"]] == ["Be brief.", "Use metres.", JSON_ONLY]
    assert all(block["type"] == "text" for block in made.body["system"])
    assert "output_config" not in made.body
    assert made.notes == ()


def test_turns_of_one_role_are_merged_and_empty_ones_dropped() -> None:
    turns = (
        Turn("assistant", "Left over."),
        Turn("user", "a"),
        Turn("user", "b"),
        Turn("assistant", "  "),
        Turn("user", "c"),
        Turn("assistant", "d"),
        Turn("user", "e"),
    )
    made = plan(turns=turns)
    said = [(one["role"], [block["text"] for block in one["content"]]) for one in made.body["messages"]]
    assert said == [("user", ["a", "b", "c"]), ("assistant", ["d"]), ("user", ["e"])]


@pytest.mark.parametrize(
    ("model", "wanted", "sent"),
    [
        (BETWEEN, None, 128_000),
        (BETWEEN, 0, 128_000),
        (BETWEEN, 8_192, 8_192),
        (BETWEEN, 200_000, 128_000),
        (BUDGET, 100_000, 64_000),
    ],
)
def test_a_limit_is_always_sent_and_is_what_budgets_reserve(
    model: str, wanted: int | None, sent: int
) -> None:
    made = plan(model, max_output_tokens=wanted)
    assert (made.body["max_tokens"], made.max_output_tokens) == (sent, sent)
    assert bool(made.notes) is ((wanted or 0) > sent)


def test_a_model_of_unknown_size_is_asked_for_what_the_oldest_could_write() -> None:
    assert plan(traits=PLAIN).body["max_tokens"] == 8_192


@pytest.mark.parametrize(
    ("model", "thinks", "temperature", "sent", "noted"),
    [
        (BUDGET, False, 0.7, 0.7, False),
        (BUDGET, False, 0.0, 0.0, False),
        (BUDGET, False, 1.6, 1.0, True),
        (BUDGET, False, -1.0, 0.0, True),
        (BUDGET, True, 0.7, None, True),
        (BUDGET, True, 1.0, None, False),
        (BUDGET_EFFORT, False, 0.2, 0.2, False),
        (EITHER, False, 0.2, 0.2, False),
        (EITHER, True, 0.2, None, True),
        (QUIET, False, 0.2, None, True),
        (QUIET, False, 1.0, None, False),
        (THINKS, False, 0.2, None, True),
        (BETWEEN, False, 0.2, None, True),
        (ALWAYS, False, 0.2, None, True),
        (RETIRED, False, 0.2, 0.2, False),
    ],
)
def test_temperature_is_sent_only_where_it_is_taken(
    model: str, thinks: bool, temperature: float, sent: float | None, noted: bool
) -> None:
    made = plan(model, thinking=thinks, temperature=temperature)
    assert made.body.get("temperature") == sent
    assert any("temperature" in note for note in made.notes) is noted


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (ALWAYS, SUMMARIZED),
        (BETWEEN, SUMMARIZED),
        (THINKS, SUMMARIZED),
        (QUIET, SUMMARIZED),
        (EITHER, SUMMARIZED),
        (BUDGET, {"type": "enabled", "budget_tokens": 8_192}),
        (BUDGET_EFFORT, {"type": "enabled", "budget_tokens": 8_192}),
    ],
)
def test_each_sort_of_model_thinks_in_its_own_way(model: str, sent: dict[str, Any]) -> None:
    assert plan(model, thinking=True).body["thinking"] == sent
    assert "thinking" not in plan(model, thinking=False).body


@pytest.mark.parametrize(
    ("cap", "effort", "limit", "budget"),
    [
        (8_192, None, 16_384, 8_192),
        (100, "low", 2_148, 2_048),
        (64_000, "high", 64_000, 16_384),
        (None, "max", 64_000, 32_768),
        (60_000, "max", 64_000, 32_768),
        (64_000, "none", 64_000, 1_024),
    ],
)
def test_a_budget_comes_on_top_of_the_answer_and_below_the_limit(
    cap: int | None, effort: str | None, limit: int, budget: int
) -> None:
    made = plan(BUDGET, thinking=True, max_output_tokens=cap, effort=effort)
    assert (made.body["max_tokens"], made.body["thinking"]["budget_tokens"]) == (limit, budget)
    assert made.max_output_tokens == limit
    assert "output_config" not in made.body
    assert made.notes == ()


def test_a_budget_leaves_room_for_the_answer_in_a_small_model() -> None:
    small = ModelCapabilities(
        frozenset({"extended_thinking"}), max_output_tokens=8_192, extra={"thinking": "budget"}
    )
    made = plan(traits=small, thinking=True, effort="max", max_output_tokens=8_192)
    assert (made.body["max_tokens"], made.body["thinking"]["budget_tokens"]) == (8_192, 7_168)


def test_a_limit_that_was_asked_by_name_is_told_to_be_raised_for_thinking() -> None:
    (note,) = plan(BUDGET, thinking=True, max_output_tokens=500, asked=["maxOutputTokens"]).notes
    assert "8,192" in note


@pytest.mark.parametrize(
    ("model", "effort", "sent", "noted"),
    [
        (BETWEEN, "high", "high", False),
        (BETWEEN, "max", "max", False),
        (BETWEEN, "minimal", "low", True),
        (BETWEEN, "none", "low", True),
        (QUIET, "xhigh", "xhigh", False),
        (EITHER, "low", "low", False),
        (BUDGET_EFFORT, "medium", "medium", False),
        (BUDGET_EFFORT, "max", "high", True),
        (BUDGET, "high", None, True),
        (RETIRED, "high", None, True),
        (BETWEEN, None, None, False),
    ],
)
def test_effort_is_the_nearest_that_the_model_takes(
    model: str, effort: str | None, sent: str | None, noted: bool
) -> None:
    made = plan(model, effort=effort)
    assert made.body.get("output_config", {}).get("effort") == sent
    assert any("effort" in note for note in made.notes) is noted


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_the_system_and_the_conversation_are_cached_up_to_their_last_block(ttl: str) -> None:
    turns = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))
    made = plan(system="Be brief.", developer="Use metres.", turns=turns, cache_ttl=ttl)
    mark = {"type": "ephemeral", "ttl": ttl}
    assert [block.get("cache_control") for block in made.body["system"]] == [None, mark]
    marks = [block.get("cache_control") for one in made.body["messages"] for block in one["content"]]
    assert marks == [None, None, mark]
    assert made.notes == ()


def test_without_caching_nothing_is_marked() -> None:
    assert "cache_control" not in str(plan(system="Be brief.").body)


def test_web_search_takes_the_tool_that_every_model_knows() -> None:
    made = plan(web_search_max_uses=3)
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    assert made.body["tools"] == [tool]
    assert plan(web_search_max_uses=0).body["tools"] == [{**tool, "max_uses": 1}]


def test_a_schema_is_enforced_where_it_can_be() -> None:
    made = plan(json_mode=True, json_schema=SCHEMA, effort="low")
    form = {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}}
    assert made.body["output_config"] == {"effort": "low", "format": form}
    assert "system" not in made.body
    assert made.notes == ()


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (RETIRED, {"json_schema": SCHEMA}),
        (BETWEEN, {"json_schema": SCHEMA, "web_search_max_uses": 2}),
        (BETWEEN, {"json_schema": {"type": "array", "items": SCHEMA}}),
        (BETWEEN, {"json_schema": {**SCHEMA, "additionalProperties": {"type": "string"}}}),
    ],
)
@pytest.mark.parametrize("asked", [(), ("jsonMode", "jsonSchema")])
def test_a_schema_that_cannot_be_enforced_is_asked_for_in_words(
    model: str, options: dict[str, Any], asked: tuple[str, ...]
) -> None:
    made = plan(model, json_mode=True, asked=asked, **options)
    assert "output_config" not in made.body
    (instruction,) = made.body["system"]
    assert '"n": {"type": "integer"}' in instruction["text"]
    assert len(made.notes) == 1
    assert "checked" in made.notes[0]


def test_a_paused_turn_goes_on_with_what_it_said_and_what_is_left() -> None:
    body = plan(web_search_max_uses=5, max_output_tokens=4_000).body
    said = [{"type": "text", "text": "So far."}]
    more = continued(body, said, written=3_000, searches=2)
    assert more is not None
    assert more["messages"] == [*body["messages"], {"role": "assistant", "content": said}]
    assert (more["max_tokens"], more["tools"][0]["max_uses"]) == (1_000, 3)
    assert (body["max_tokens"], body["tools"][0]["max_uses"]) == (4_000, 5)
    last = continued(body, said, written=3_999, searches=9)
    assert last is not None
    # What was found stays in the turn, and so does the tool; it may not be used once more.
    assert (last["max_tokens"], last["tools"][0]["max_uses"], last["tool_choice"]) == (1, 1, {"type": "none"})
    assert "tool_choice" not in more
    wanted = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
    assert continued(body, [*said, wanted], written=3_000, searches=5) is None
    assert continued(body, said, written=4_000, searches=1) is None


def test_a_paused_turn_keeps_its_budget_below_what_is_left() -> None:
    body = plan(BUDGET, web_search_max_uses=5, thinking=True, max_output_tokens=4_000).body
    assert (body["max_tokens"], body["thinking"]["budget_tokens"]) == (12_192, 8_192)
    more = continued(body, [], written=12_000, searches=0)
    assert more is not None
    assert (more["max_tokens"], more["thinking"]) == (9_216, body["thinking"])
