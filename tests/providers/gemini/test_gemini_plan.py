from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import ModelCapabilities, Turn
from sidecar.providers.gemini.request import continued, in_words_instead, model_in, stream_path
from sidecar.providers.gemini.thinking import version
from sidecar.providers.kernel.options import EFFORTS
from tests.helpers.gemini import MODELS, SCHEMA, ask, plan, traits

BARE = {"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]}


@pytest.mark.parametrize("model", MODELS)
def test_a_bare_question_says_nothing_that_was_not_asked(model: str) -> None:
    made = plan(model)
    assert made.path == f"/models/{model}:streamGenerateContent?alt=sse"
    assert made.body == BARE
    assert (made.notes, made.max_output_tokens) == ((), None)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.8-flash", "/models/gemini-3.8-flash"),
        ("models/gemini-3.8-flash", "/models/gemini-3.8-flash"),
        ("tunedModels/mine-1", "/tunedModels/mine-1"),
        ("../v1/secrets?x=", "/models/..%2Fv1%2Fsecrets%3Fx%3D"),
    ],
)
def test_the_model_stands_in_the_path_and_cannot_leave_its_place(model: str, path: str) -> None:
    assert stream_path(model) == f"{path}:streamGenerateContent?alt=sse"


def test_the_model_is_read_back_from_the_path_for_what_is_said_of_it() -> None:
    assert model_in(stream_path("gemini-3.1-pro-preview")) == "gemini-3.1-pro-preview"
    assert model_in("/elsewhere") == ""


def test_earlier_turns_go_along_with_neighbours_of_one_role_made_one() -> None:
    turns = (
        Turn("user", "a"),
        Turn("assistant", "b"),
        Turn("assistant", " "),
        Turn("user", "c"),
        Turn("user", "d"),
    )
    assert plan("gemini-3.8-flash", turns=turns).body["contents"] == [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": [{"text": "b"}]},
        {"role": "user", "parts": [{"text": "c"}, {"text": "d"}]},
    ]


@pytest.mark.parametrize("turns", [(), (Turn("user", "a"), Turn("assistant", "b")), (Turn("user", "  "),)])
def test_a_conversation_that_does_not_end_with_a_question_is_refused(turns: tuple[Turn, ...]) -> None:
    with pytest.raises(Failure) as raised:
        plan("gemini-3.8-flash", turns=turns)
    assert raised.value.kind == "invalid_params"


@pytest.mark.parametrize(
    ("model", "temperature", "sent", "noted"),
    [
        ("gemini-4-argon", 0.7, None, True),
        ("gemini-4-argon", 1.0, None, False),
        ("gemini-3.8-flash", 0.0, None, True),
        ("gemini-3.5-flash-lite", 0.7, None, True),
        ("gemini-3.1-pro-preview", 0.7, 0.7, False),
        ("gemini-2.5-pro", 0.0, 0.0, False),
        ("gemini-2.5-pro", 2.0, 2.0, False),
        ("gemini-2.5-flash", 2.5, 2.0, True),
        ("gemini-2.5-flash", -1.0, 0.0, True),
    ],
)
def test_temperature_is_sent_only_where_it_is_taken(
    model: str, temperature: float, sent: float | None, noted: bool
) -> None:
    made = plan(model, temperature=temperature)
    assert made.body.get("generationConfig", {}).get("temperature") == sent
    assert any("temperature" in note for note in made.notes) is noted


def test_a_name_without_a_version_is_the_newest_and_takes_no_temperature() -> None:
    made = plan("gemini-flash-latest", temperature=0.5)
    assert "generationConfig" not in made.body
    assert len(made.notes) == 1


def test_a_model_of_another_family_keeps_its_temperature() -> None:
    made = plan("gemma-9-it", temperature=0.5, traits=ModelCapabilities())
    assert made.body["generationConfig"] == {"temperature": 0.5}


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("gemini-2.5-pro", (2, 5)),
        ("gemini-4-argon", (4, 0)),
        ("models/gemini-3.1-pro", (3, 1)),
        ("gemma-3", (99, 0)),
    ],
)
def test_versions_are_read_from_names(name: str, number: tuple[int, int]) -> None:
    assert version(name) == number


@pytest.mark.parametrize(
    ("model", "effort", "config", "noted"),
    [
        ("gemini-4-argon", "medium", {"thinkingLevel": "medium"}, False),
        ("gemini-4-argon", "minimal", {"thinkingLevel": "low"}, True),
        ("gemini-4-argon", "none", {"thinkingLevel": "low"}, True),
        ("gemini-3.8-flash", "xhigh", {"thinkingLevel": "high"}, True),
        ("gemini-3.6-flash", "minimal", {"thinkingLevel": "minimal"}, False),
        ("gemini-3.6-flash", "none", {"thinkingLevel": "minimal"}, True),
        ("gemini-3.1-pro-preview", "max", {"thinkingLevel": "high"}, True),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}, True),
        ("gemini-2.5-pro", "minimal", {"thinkingBudget": 512}, False),
        ("gemini-2.5-pro", "low", {"thinkingBudget": 1_024}, False),
        ("gemini-2.5-pro", "medium", {"thinkingBudget": 8_192}, False),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24_576}, False),
        ("gemini-2.5-pro", "max", {"thinkingBudget": 32_768}, False),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", "xhigh", {"thinkingBudget": 24_576}, True),
        ("gemini-2.5-flash-lite", "none", {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash-lite", "minimal", {"thinkingBudget": 512}, False),
        ("plain-text", "high", None, True),
    ],
)
def test_an_effort_becomes_a_level_or_a_budget(
    model: str, effort: str, config: dict[str, Any] | None, noted: bool
) -> None:
    made = plan(model, effort=effort)
    assert made.body.get("generationConfig", {}).get("thinkingConfig") == config
    assert bool(made.notes) is noted


@pytest.mark.parametrize(
    ("model", "effort", "config", "notes"),
    [
        ("gemini-4-argon", None, {"includeThoughts": True}, 0),
        ("gemini-4-argon", "high", {"includeThoughts": True, "thinkingLevel": "high"}, 0),
        ("gemini-2.5-pro", None, {"includeThoughts": True, "thinkingBudget": -1}, 0),
        ("gemini-2.5-flash-lite", None, {"includeThoughts": True, "thinkingBudget": -1}, 0),
        ("gemini-2.5-flash", "none", {"includeThoughts": True, "thinkingBudget": 512}, 1),
        ("gemini-2.5-flash", "low", {"includeThoughts": True, "thinkingBudget": 1_024}, 0),
    ],
)
def test_thinking_that_is_wanted_is_shown(
    model: str, effort: str | None, config: dict[str, Any], notes: int
) -> None:
    made = plan(model, thinking=True, effort=effort, asked=frozenset({"enableExtendedThinking"}))
    assert made.body["generationConfig"]["thinkingConfig"] == config
    assert len(made.notes) == notes


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("effort", [*EFFORTS, None])
@pytest.mark.parametrize("thinking", [True, False])
def test_a_level_and_a_budget_never_stand_together(model: str, effort: str | None, thinking: bool) -> None:
    config = (
        plan(model, effort=effort, thinking=thinking)
        .body.get("generationConfig", {})
        .get("thinkingConfig", {})
    )
    assert not {"thinkingLevel", "thinkingBudget"} <= config.keys()


def test_a_model_that_the_catalogue_says_little_of_gets_the_levels_that_all_have() -> None:
    little = ModelCapabilities(frozenset({"reasoning"}))
    assert plan("gemini-5-neon", effort="minimal", traits=little).body["generationConfig"] == {
        "thinkingConfig": {"thinkingLevel": "low"}
    }
    assert "generationConfig" not in plan("gemini-2.5-new", effort="low", traits=little).body


@pytest.mark.parametrize(
    ("model", "wanted", "asked", "sent"),
    [
        ("gemini-3.8-flash", None, False, None),
        ("gemini-3.8-flash", 0, False, None),
        ("gemini-3.8-flash", 65_536, True, 65_536),
        ("gemini-3.8-flash", 70_000, False, 65_536),
        ("gemini-4-argon", 500_000, True, 500_000),
        ("gemini-4-argon", 2_000_000, False, 1_048_576),
    ],
)
def test_the_output_limit_is_for_all_parts_of_an_answer(
    model: str, wanted: int | None, asked: bool, sent: int | None
) -> None:
    made = plan(model, max_output_tokens=wanted, asked=frozenset({"maxOutputTokens"} if asked else ()))
    assert made.body.get("generationConfig", {}).get("maxOutputTokens") == sent
    assert made.max_output_tokens == sent
    assert bool(made.notes) is ((wanted or 0) > (sent or 0))


@pytest.mark.parametrize("model", MODELS)
def test_json_has_the_vendors_own_form(model: str) -> None:
    assert plan(model, json_mode=True).body["generationConfig"] == {"responseMimeType": "application/json"}
    assert plan(model, json_mode=True, json_schema=SCHEMA).body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }


def test_a_schema_that_cannot_be_enforced_whole_is_noted() -> None:
    made = plan("gemini-3.8-flash", json_schema={"type": "string", "pattern": "^a"})
    assert len(made.notes) == 1
    assert "pattern" not in made.body["generationConfig"]["responseJsonSchema"]


@pytest.mark.parametrize("schema", [None, SCHEMA])
@pytest.mark.parametrize("model", MODELS)
def test_json_beside_a_search_is_asked_in_words_where_the_form_is_refused(
    model: str, schema: dict[str, Any] | None
) -> None:
    made = plan(model, json_mode=True, json_schema=schema, web_search_max_uses=3, system="Be brief.")
    assert made.body["tools"] == [{"googleSearch": {}}]
    if model.startswith("gemini-2.5"):
        assert "generationConfig" not in made.body
        first, told = made.body["systemInstruction"]["parts"]
        assert first == {"text": "Be brief."}
        assert ('"n"' in told["text"]) is (schema is not None)
        assert "in words" in " ".join(made.notes)
    else:
        assert made.body["generationConfig"]["responseMimeType"] == "application/json"


def test_the_form_can_be_put_into_words_and_the_rest_stays() -> None:
    body = plan("gemini-3.8-flash", json_schema=SCHEMA, web_search_max_uses=1, max_output_tokens=9).body
    instead = in_words_instead(body)
    assert instead is not None
    assert instead["generationConfig"] == {"maxOutputTokens": 9}
    assert '"n"' in instead["systemInstruction"]["parts"][0]["text"]
    assert instead["tools"] == body["tools"]
    assert "responseJsonSchema" in body["generationConfig"]


@pytest.mark.parametrize(
    "options", [{}, {"json_mode": True}, {"web_search_max_uses": 1}, {"temperature": 1.0}]
)
def test_where_no_form_could_be_refused_there_is_nothing_to_put_into_words(options: dict[str, Any]) -> None:
    assert in_words_instead(plan("gemini-2.5-pro", **options).body) is None


def test_a_continued_body_is_the_same_but_for_its_token() -> None:
    body = plan("gemini-4-argon", max_output_tokens=200_000).body
    assert continued(body, "abc") == {**body, "continuationToken": "abc"}


def test_the_tests_models_are_those_of_the_catalogue() -> None:
    assert traits("gemini-4-argon").extra["thinkingLevels"]
    assert ask("gemini-2.5-pro").traits.extra["thinkingBudget"]
