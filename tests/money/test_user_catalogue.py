from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue
from sidecar.money.pricing import Cost, Unpriced, cost
from sidecar.providers.base import Usage

DAY = date(2026, 11, 23)
LAB = {"lab": {"name": "The lab", "baseUrl": "http://127.0.0.1:8000/v1/", "keyRequired": False}}
LLAMA = {"provider": "lab", "id": "llama", "contextSize": 32768}
PRICE = {"from": "2026-11-01", "perMillion": {"prompt": 1, "completion": 2}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "models.json"


def laid(path: Path, models: Any = (), providers: Any = LAB) -> Catalogue:
    path.write_text(json.dumps({"providers": providers, "models": list(models)}), "utf-8")
    return Catalogue.load(path)


def test_without_a_file_the_catalogue_is_as_shipped(path: Path) -> None:
    assert Catalogue.load(path) == Catalogue.load()


def test_an_own_model_of_an_own_provider_is_a_row_after_the_shipped_ones(path: Path) -> None:
    catalogue = laid(path, [{**LLAMA, "name": "Llama", "features": ["streaming"], "prices": [PRICE]}])
    assert catalogue.rows(DAY)[-1] == {
        "id": "llama",
        "name": "Llama",
        "provider": "lab",
        "description": "",
        "contextSize": 32768,
        "pricing": {"prompt": 1.0, "completion": 2.0},
        "features": ["streaming"],
        "status": "current",
    }
    provider = catalogue.providers["lab"]
    assert (provider.name, provider.base_url, provider.key_required) == (
        "The lab",
        "http://127.0.0.1:8000/v1",
        False,
    )


def test_a_model_without_a_price_shows_none_and_its_calls_are_unpriced(path: Path) -> None:
    catalogue = laid(path, [LLAMA])
    assert catalogue.row("lab/llama", DAY)["pricing"] == {}
    entry = catalogue.price_entry(catalogue.resolve("llama").model, DAY)
    assert cost(Usage(in_uncached=1, prompt_total=1), entry) == Unpriced("no price")


def test_a_price_of_zero_is_a_price(path: Path) -> None:
    free = {"from": "2026-01-01", "perMillion": {"prompt": 0, "completion": 0}}
    catalogue = laid(path, [{**LLAMA, "prices": [free]}])
    assert catalogue.row("llama", DAY)["pricing"] == {"prompt": 0.0, "completion": 0.0}
    entry = catalogue.price_entry(catalogue.resolve("llama").model, DAY)
    bill = cost(Usage(in_uncached=5, prompt_total=5), entry)
    assert isinstance(bill, Cost)
    assert bill.total_usd == 0


def test_an_own_price_of_a_shipped_model_holds_from_its_day_on_and_outranks_later_shipped_ones(
    path: Path,
) -> None:
    own = {"from": "2026-11-20", "perMillion": {"prompt": 1.5, "completion": "7.25"}}
    catalogue = laid(path, [{"provider": "gemini", "id": "gemini-4-argon", "prices": [own]}])
    model = catalogue.resolve("gemini-4-argon").model
    held = [
        catalogue.price_entry(model, day)
        for day in (date(2026, 11, 19), date(2026, 11, 20), date(2026, 12, 1))
    ]
    assert [entry.per_million["completion"] for entry in held if entry] == [
        Decimal(10),
        Decimal("7.25"),
        Decimal("7.25"),
    ]
    assert held[2] is not None
    assert (held[2].source, held[2].checked_on) == ("models.json", date(2026, 11, 20))


def test_an_own_price_keeps_the_service_tiers_of_its_provider(path: Path) -> None:
    catalogue = laid(path, [{"provider": "openai", "id": "gpt-6-luna", "prices": [PRICE]}])
    entry = catalogue.price_entry(catalogue.resolve("gpt-6-luna").model, DAY)
    bill = cost(Usage(in_uncached=2, prompt_total=2, service_tier="flex"), entry)
    assert isinstance(bill, Cost)
    assert bill.total_usd == Decimal("0.000001")


def test_a_tier_takes_the_rates_that_it_does_not_name_from_below(path: Path) -> None:
    price = {
        "from": "2026-01-01",
        "perMillion": {"prompt": 2, "completion": 4, "cacheRead": 1},
        "batchPerMillion": {"prompt": 1, "completion": 2},
        "tiers": [
            {"aboveTokens": 20, "perMillion": {"prompt": 6}},
            {"aboveTokens": 10, "perMillion": {"prompt": 3}, "batchPerMillion": {"prompt": 2}},
        ],
    }
    catalogue = laid(path, [{**LLAMA, "prices": [price]}])
    entry = catalogue.price_entry(catalogue.resolve("llama").model, DAY)
    assert entry is not None
    low, high = entry.tiers
    assert low.per_million == {"prompt": Decimal(3), "completion": Decimal(4), "cacheRead": Decimal(1)}
    assert low.batch_per_million == {"prompt": Decimal(2), "completion": Decimal(2)}
    assert high.above_tokens == 20
    assert high.per_million["prompt"] == 6
    assert high.batch_per_million is None


def test_a_batch_price_that_names_one_rate_is_listed_with_that_one(path: Path) -> None:
    rates = {"prompt": 2, "completion": 4}
    price = {"from": "2026-01-01", "perMillion": rates, "batchPerMillion": {"prompt": 1}}
    tiers = [{"aboveTokens": 10, "perMillion": {"prompt": 3}, "batchPerMillion": {"completion": 1}}]
    catalogue = laid(path, [{**LLAMA, "prices": [price | {"tiers": tiers}]}])
    (row,) = (row for row in catalogue.rows(DAY) if row["id"] == "llama")
    assert row["pricing"] == {
        "prompt": 2.0,
        "completion": 4.0,
        "batchPrompt": 1.0,
        "tiers": [
            {"aboveTokens": 10, "prompt": 3.0, "completion": 4.0, "batchPrompt": 1.0, "batchCompletion": 1.0}
        ],
    }


def test_a_shipped_model_keeps_what_the_file_does_not_name(path: Path) -> None:
    shipped = Catalogue.load().resolve("gpt-4o").model
    row = {"provider": "openai", "id": "gpt-4o", "name": "Ours", "aliases": [{"id": "house", "hidden": True}]}
    catalogue = laid(path, [row])
    model = catalogue.resolve("openai/house").model
    assert (model.name, model.context_size, model.prices) == ("Ours", shipped.context_size, shipped.prices)
    assert catalogue.resolve("gpt-4o-2024-11-20").model == model
    ids = [row["id"] for row in catalogue.rows(DAY)]
    assert ids == [row["id"] for row in Catalogue.load().rows(DAY)]


def test_the_bare_name_of_a_shipped_model_stays_its_own(path: Path) -> None:
    catalogue = laid(path, [{**LLAMA, "id": "gpt-4o", "aliases": [{"id": "o3"}]}])
    assert catalogue.resolve("gpt-4o").full_id == "openai/gpt-4o"
    assert catalogue.resolve("o3").full_id == "openai/o3"
    assert catalogue.resolve("lab/gpt-4o").model.context_size == 32768


def test_a_shipped_provider_can_be_reached_elsewhere(path: Path) -> None:
    catalogue = laid(path, providers={"openai": {"baseUrl": "https://proxy.example/v1"}})
    assert catalogue.providers["openai"].base_url == "https://proxy.example/v1"
    assert catalogue.providers["openai"].key_required


def test_a_single_model_can_be_reached_elsewhere(path: Path) -> None:
    catalogue = laid(path, [{**LLAMA, "baseUrl": "http://localhost:1/v1/"}])
    assert catalogue.resolve("llama").model.base_url == "http://localhost:1/v1"


def test_a_model_that_is_reached_elsewhere_is_not_in_the_vendor_s_batches(path: Path) -> None:
    own = {"provider": "openai", "id": "gpt-4o", "baseUrl": "https://mine.example/v1", "features": ["batch"]}
    assert laid(path, [own]).resolve("gpt-4o").model.features == ()
    del own["features"]
    assert "json_mode" in laid(path, [own]).resolve("gpt-4o").model.features
    assert "batch" not in laid(path, [own]).resolve("gpt-4o").model.features


def test_a_byte_order_mark_of_an_editor_is_read_over(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert Catalogue.load(path) == Catalogue.load()


@pytest.mark.parametrize(
    ("models", "where"),
    [
        ([{"id": "x"}], "models[0].provider"),
        ([{"provider": "lab"}], "models[0].id"),
        ([{"provider": "lab", "id": "x"}], "models[0].contextSize"),
        ([{**LLAMA, "contextSize": 0}], "models[0].contextSize"),
        ([{**LLAMA, "contextSize": True}], "models[0].contextSize"),
        ([{**LLAMA, "contextsize": 5}], "models[0].contextsize"),
        ([{**LLAMA, "provider": "nobody"}], "models[0].provider"),
        ([{**LLAMA, "features": ["magic"]}], "models[0].features"),
        ([{**LLAMA, "features": "streaming"}], "models[0].features"),
        ([{**LLAMA, "status": "dead"}], "models[0].status"),
        ([{**LLAMA, "retiresOn": "soon"}], "models[0].retiresOn"),
        ([{**LLAMA, "successor": "nobody"}], "lab/llama"),
        ([{**LLAMA, "extra": {"effort": 5}}], "models[0].extra.effort"),
        ([{**LLAMA, "aliases": ["x"]}], "models[0].aliases[0]"),
        ([{**LLAMA, "aliases": [{"id": "llama"}]}], "lab/llama"),
        ([{**LLAMA, "baseUrl": "ftp://x"}], "models[0].baseUrl"),
        ([LLAMA, LLAMA], "models[1].id"),
        ([LLAMA, "x"], "models[1]"),
        ([{**LLAMA, "prices": [{"from": "2026-01-01"}]}], "models[0].prices[0].perMillion.prompt"),
        ([{**LLAMA, "prices": [{**PRICE, "from": None}]}], "models[0].prices[0].from"),
        ([{**LLAMA, "prices": [{**PRICE, "unit": 1}]}], "models[0].prices[0].unit"),
        ([{**LLAMA, "prices": [{**PRICE, "tiers": [{}]}]}], "models[0].prices[0].tiers[0].aboveTokens"),
    ],
)
def test_a_wrong_row_is_named_by_its_place(path: Path, models: list[Any], where: str) -> None:
    with pytest.raises(Failure) as caught:
        laid(path, models)
    assert caught.value.kind == "invalid_params"
    assert caught.value.issues
    assert caught.value.issues[0]["path"] == where
    assert str(path) in caught.value.message
    assert where in caught.value.message


@pytest.mark.parametrize("rate", [-1, True, "free", "1e3", None, [], 1e9, 1e-15])
def test_a_price_that_is_no_amount_of_dollars_is_refused(path: Path, rate: Any) -> None:
    price = {**PRICE, "perMillion": {"prompt": 1, "completion": rate}}
    with pytest.raises(Failure, match=r"models\[0\].prices\[0\].perMillion.completion"):
        laid(path, [{**LLAMA, "prices": [price]}])


@pytest.mark.parametrize(
    ("providers", "where"),
    [
        ({"lab": {}}, "providers.lab.baseUrl"),
        ({"lab": {"baseUrl": "localhost"}}, "providers.lab.baseUrl"),
        ({"lab": "http://x"}, "providers.lab"),
        ({"a/b": {"baseUrl": "http://x"}}, "providers.a/b"),
        ({"lab": {"baseUrl": "http://x", "key": "sk-1"}}, "providers.lab.key"),
        ([], "providers"),
    ],
)
def test_a_wrong_provider_is_named_by_its_place(path: Path, providers: Any, where: str) -> None:
    with pytest.raises(Failure) as caught:
        laid(path, providers=providers)
    assert caught.value.issues
    assert caught.value.issues[0]["path"] == where


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"modells": []}',
        b'{"models": [NaN]}',
        b'{"models": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_catalogue_is_refused_in_a_sentence(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Failure, match=r"is not usable: .*Correct or remove it"):
        Catalogue.load(path)


def test_a_file_that_cannot_be_read_is_a_storage_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(Failure) as caught:
        Catalogue.load(path)
    assert caught.value.kind == "storage_error"


def test_a_message_names_no_secret_of_the_file(path: Path) -> None:
    with pytest.raises(Failure) as caught:
        laid(path, providers={"lab": {"baseUrl": "http://x", "apiKey": "sk-secret"}})
    assert "sk-secret" not in str(caught.value.issues) + caught.value.message
