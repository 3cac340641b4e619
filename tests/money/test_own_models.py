from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sidecar.money import own_models
from sidecar.money.json_reader import CatalogueError, read_json
from sidecar.money.listed import CONTEXT_SIZE, listed_entry
from sidecar.providers.base import ListedModel
from tests.helpers.models import catalogue


def changed(*prices: str) -> Any:
    root: own_models.Document = {}
    for day in prices:
        price = {"from": day, "perMillion": {"prompt": Decimal(len(day)), "completion": 1}}
        root = own_models.with_model(root, "lab", "m", {"name": "M"}, price)
    return root["models"][0]


def test_a_new_price_stands_beside_the_earlier_ones_in_order_of_their_days() -> None:
    row = changed("2026-11-20", "2026-11-01", "2026-12-01")
    assert [price["from"] for price in row["prices"]] == ["2026-11-01", "2026-11-20", "2026-12-01"]


def test_a_price_of_the_same_day_takes_the_place_of_the_one_before() -> None:
    assert len(changed("2026-11-20", "2026-11-20")["prices"]) == 1


def test_a_number_keeps_every_digit_that_was_written() -> None:
    content = b'{"models": [{"prices": [0.1, 1234567.123456789012, 2, 1e-12]}]}'
    again = read_json(own_models.text(own_models.document(content)))["models"][0]["prices"]
    assert [Decimal(str(each)) for each in again] == [
        Decimal("0.1"),
        Decimal("1234567.123456789012"),
        Decimal(2),
        Decimal("1e-12"),
    ]


def test_a_member_that_is_taken_out_is_gone_and_one_that_is_not_named_stays() -> None:
    root = own_models.with_server({}, "lab", {"baseUrl": "http://a", "keyName": "K"})
    root = own_models.with_server(root, "lab", {"keyName": None, "name": "Lab"})
    assert root["providers"] == {"lab": {"baseUrl": "http://a", "name": "Lab"}}


def test_what_is_not_there_cannot_be_taken_out() -> None:
    assert own_models.without_model({}, "lab", "m") is None
    assert own_models.without_provider({}, "lab") is None


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"models": {}}', b'{"providers": []}'])
def test_a_file_that_is_no_catalogue_is_not_written_over(content: bytes) -> None:
    with pytest.raises(CatalogueError):
        own_models.document(content)


def test_a_new_model_of_a_vendor_is_taken_to_do_what_the_likest_one_does_but_batches() -> None:
    models = catalogue().models
    entry = listed_entry(models, "openai", ListedModel("gpt-6.2-sol-fast"))
    like = catalogue().resolve("openai/gpt-6.2-sol").model
    assert entry.features == tuple(word for word in like.features if word != "batch")
    assert (entry.efforts, entry.context_size, entry.prices) == (like.efforts, like.context_size, ())


def test_a_model_of_a_server_of_which_nothing_is_known_gets_a_small_window() -> None:
    entry = listed_entry(catalogue().models, "lab", ListedModel("m"))
    assert entry.context_size == CONTEXT_SIZE
