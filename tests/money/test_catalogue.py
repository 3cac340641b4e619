from __future__ import annotations

from datetime import date

import pytest

from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue, Names
from sidecar.money.json_reader import CatalogueError
from sidecar.money.model import ModelEntry, utc_day

CATALOGUE = Catalogue.load()
DAY = date(2026, 11, 23)


def model(name: str, **more: object) -> ModelEntry:
    return ModelEntry(id=name, provider="lab", name=name, context_size=1000, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "row", "real"),
    [
        ("openai/gpt-4o", "openai/gpt-4o", "gpt-4o"),
        ("gpt-4o", "openai/gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-11-20", "openai/gpt-4o-2024-11-20", "gpt-4o"),
        (
            "gemini/models/gemini-2.5-pro-thinking",
            "gemini/models/gemini-2.5-pro-thinking",
            "gemini-2.5-pro",
        ),
        ("models/gemini-2.5-pro-thinking", "gemini/models/gemini-2.5-pro-thinking", "gemini-2.5-pro"),
        ("claude-4-opus", "anthropic/claude-4-opus", "claude-opus-4-20250514"),
    ],
)
def test_a_model_is_found_by_id_and_by_alias_with_and_without_its_provider(
    name: str, row: str, real: str
) -> None:
    resolved = CATALOGUE.resolve(name)
    assert (resolved.full_id, resolved.model.id) == (row, real)


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("openai/gpt-6.2-soll", "openai/gpt-6.2-sol"),
        ("claude-opus-5.5", "claude-opus-5-5"),
        ("grok/gpt-4o", "openai/gpt-4o"),
    ],
)
def test_an_unknown_name_is_not_found_and_close_ones_are_named(name: str, close: str) -> None:
    with pytest.raises(Failure) as caught:
        CATALOGUE.resolve(name)
    assert caught.value.kind == "not_found"
    assert f'"{name}"' in caught.value.message
    assert close in caught.value.message
    assert caught.value.message.endswith("?")


@pytest.mark.parametrize("name", ["", "xyzzy", "/", "openai/", "x" * 10_000_000])
def test_a_name_that_is_like_no_other_is_answered_with_the_list(name: str) -> None:
    with pytest.raises(Failure) as caught:
        CATALOGUE.resolve(name)
    assert len(caught.value.message) < 300


def test_a_current_model_answers_for_itself() -> None:
    serving = CATALOGUE.served("gpt-6.1-terra", DAY)
    assert serving.asked_id == serving.model.full_id == "openai/gpt-6.1-terra"
    assert (serving.label, serving.vendor_id, serving.notes) == ("GPT-6.1 Terra", "gpt-6.1-terra", ())


def test_a_retired_model_is_answered_by_its_successor_and_the_label_says_so() -> None:
    serving = CATALOGUE.served("anthropic/claude-3-7-sonnet-20250219", DAY)
    assert serving.asked_id == "anthropic/claude-3-7-sonnet-20250219"
    assert serving.model.full_id == "anthropic/claude-sonnet-5-5"
    assert serving.vendor_id == "claude-sonnet-5-5"
    assert serving.label == "Claude Sonnet 5.5, for the retired Claude 3.7 Sonnet"
    assert serving.notes == (
        "Claude 3.7 Sonnet was retired on 2026-02-19. Claude Sonnet 5.5 answers in its place, at its own price.",
    )


def test_an_alias_of_a_retired_model_keeps_its_own_id() -> None:
    serving = CATALOGUE.served("claude-4-sonnet", DAY)
    assert (serving.asked_id, serving.asked.name) == ("anthropic/claude-4-sonnet", "Claude Sonnet 4")
    assert serving.label == "Claude Sonnet 5.5, for the retired Claude Sonnet 4"


def test_a_model_that_the_vendor_redirects_is_called_by_the_name_of_the_one_that_answers() -> None:
    serving = CATALOGUE.served("grok/grok-3", DAY)
    assert serving.vendor_id == "grok-4.3"
    assert serving.label == "Grok 4.3, for the retired Grok 3"


@pytest.mark.parametrize(
    ("day", "answers"),
    [(date(2026, 11, 29), "claude-sonnet-4-5"), (date(2026, 11, 30), "claude-sonnet-5-5")],
)
def test_a_model_answers_until_the_day_on_which_it_retires(day: date, answers: str) -> None:
    assert CATALOGUE.served("claude-sonnet-4-5", day).model.id == answers


def test_successors_are_followed_to_the_one_that_is_in_service() -> None:
    chain = (
        model("one", status="retired", successor="two"),
        model("two", retires_on=date(2026, 1, 1), successor="three"),
        model("three"),
    )
    catalogue = Catalogue(chain, Names.of(chain))
    assert catalogue.served("one", date(2025, 12, 31)).model.id == "two"
    assert catalogue.served("one", date(2026, 1, 1)).label == "three, for the retired one"


def test_a_retired_model_without_a_successor_is_called_itself() -> None:
    alone = (model("one", status="retired"),)
    assert Catalogue(alone, Names.of(alone)).served("one", DAY).label == "one"


@pytest.mark.parametrize(
    "models",
    [
        (model("one", successor="two"), model("two", successor="one")),
        (model("one", successor="one"),),
        (model("one", successor="nobody"),),
        (model("one", served_by="nobody"),),
        (model("one"), model("one")),
    ],
)
def test_a_circle_of_successors_a_lost_one_and_a_double_name_are_refused(
    models: tuple[ModelEntry, ...],
) -> None:
    with pytest.raises(CatalogueError, match="lab/one"):
        Names.of(models)


def test_an_alias_that_the_vendor_knows_is_sent_as_it_is_and_any_other_as_the_real_id() -> None:
    assert CATALOGUE.served("gpt-4o-2024-11-20", DAY).vendor_id == "gpt-4o-2024-11-20"
    assert CATALOGUE.served("models/gemini-2.5-pro-thinking", DAY).vendor_id == "gemini-2.5-pro"


@pytest.mark.parametrize(
    ("provider", "vendor_id", "model_id"),
    [
        ("openai", "gpt-6.1-terra", "gpt-6.1-terra"),
        ("openai", "gpt-6.1-terra-2026-10-01", "gpt-6.1-terra"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("anthropic", "claude-sonnet-5-5-20261007", "claude-sonnet-5-5"),
        ("gemini", "models/gemini-3.8-flash-001", "gemini-3.8-flash"),
        ("grok", "grok-4-0709", "grok-4-0709"),
        ("openai", "gpt-7", None),
        ("grok", "gpt-4o", None),
    ],
)
def test_the_model_that_a_vendor_reports_is_found_also_by_its_dated_id(
    provider: str, vendor_id: str, model_id: str | None
) -> None:
    found = CATALOGUE.reported(provider, vendor_id)
    assert (found.id if found else None) == model_id


def test_a_row_has_exactly_the_members_of_the_wire() -> None:
    assert CATALOGUE.row("openai/gpt-4o", DAY) == {
        "id": "gpt-4o",
        "name": "GPT-4o",
        "provider": "openai",
        "description": CATALOGUE.resolve("gpt-4o").model.description,
        "contextSize": 128_000,
        "maxOutputTokens": 16_384,
        "pricing": {
            "prompt": 2.5,
            "completion": 10.0,
            "cacheRead": 1.25,
            "batchPrompt": 1.25,
            "batchCompletion": 5.0,
        },
        "features": ["json_mode", "json_schema", "streaming", "web_search", "prompt_caching", "batch"],
        "aliases": ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20"],
        "status": "legacy",
        "successor": "gpt-6-luna",
        "retiresOn": "2027-01-14",
    }


def test_tiers_are_on_the_wire_with_their_batch_rates() -> None:
    assert CATALOGUE.row("gemini-2.5-pro", DAY)["pricing"]["tiers"] == [
        {
            "aboveTokens": 200_000,
            "prompt": 2.5,
            "completion": 15.0,
            "cacheRead": 0.25,
            "batchPrompt": 1.25,
            "batchCompletion": 7.5,
        }
    ]


def test_an_alias_row_is_the_model_under_another_id() -> None:
    alias, real = CATALOGUE.row("o3-2025-04-16", DAY), CATALOGUE.row("o3", DAY)
    assert (alias["id"], alias["aliasOf"], alias["name"]) == ("o3-2025-04-16", "o3", "o3 (o3-2025-04-16)")
    assert "aliases" not in alias
    assert "aliasOf" not in real
    assert alias["pricing"] == real["pricing"]


def test_a_retired_row_shows_the_price_that_its_successor_will_cost() -> None:
    row = CATALOGUE.row("claude-3-5-haiku-20241022", DAY)
    assert (row["status"], row["successor"]) == ("retired", "claude-haiku-5-5")
    assert row["pricing"] == CATALOGUE.row("claude-haiku-5-5", DAY)["pricing"]


def test_a_row_is_priced_by_its_day() -> None:
    prompts = [
        CATALOGUE.row("gemini-4-argon", day)["pricing"]["prompt"]
        for day in (date(2026, 11, 30), date(2026, 12, 1))
    ]
    assert prompts == [2.0, 4.0]


def test_a_model_becomes_retired_on_its_day_unless_the_vendor_redirects_it() -> None:
    statuses = [
        CATALOGUE.row(name, day)["status"]
        for name in ("claude-sonnet-4-5", "gemini-2.5-pro")
        for day in (date(2026, 11, 29), date(2026, 12, 1))
    ]
    assert statuses == ["legacy", "retired", "legacy", "legacy"]


def test_retired_rows_and_their_aliases_can_be_left_out() -> None:
    everything = {row["id"] for row in CATALOGUE.rows(DAY)}
    served = {row["id"] for row in CATALOGUE.rows(DAY, include_retired=False)}
    assert {"o3-mini", "claude-4-sonnet", "claude-3-7-sonnet-20250219"} <= everything - served
    assert {"gpt-4o", "grok-3", "models/gemini-2.5-pro-thinking"} <= served


def test_a_call_is_of_the_utc_day_of_its_millisecond() -> None:
    midnight = 1_764_547_200_000
    assert utc_day(midnight) == date(2025, 12, 1)
    assert utc_day(midnight - 1) == date(2025, 11, 30)
