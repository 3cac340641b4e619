"""Whatever stands in a person's models.json is refused with a sentence, or listed as the contract says."""

from __future__ import annotations

import copy
import datetime
import importlib.resources
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from sidecar import resources
from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue
from tests.helpers.soak import longer

CONTRACT = json.loads(importlib.resources.files("sidecar.contract").joinpath("openrpc.json").read_bytes())
MODEL = Draft202012Validator(
    next(each for each in CONTRACT["methods"] if each["name"] == "models:get")["result"]["schema"]
)
SHIPPED = json.loads(resources.read_bytes("data/models.json"))["models"]
DAY = datetime.date(2026, 11, 28)
ODD: tuple[Any, ...] = (
    *("", " ", "odd", "\x00", "2026-13-01", "0001-01-01", "9999-12-31"),
    *(None, True, -1, 0, 0.1, 1.5, 1e-30, 1e300, -1e300, 2**53, 10**30),
    *([], {}, [1], ["odd"], {"odd": 1}),
)


def places(node: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """Where something stands in a document, the whole aside."""
    within: Any = (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    )
    for name, each in within:
        yield (*above, name)
        yield from places(each, *above, name)


def drawn(draw: random.Random) -> dict[str, Any]:
    """A row of the shipped catalogue as a person's own, in which one or two things are others, or are not there."""
    model = copy.deepcopy(draw.choice(SHIPPED))
    model.pop("aliases", None)
    document: dict[str, Any] = {"models": [model]}
    if draw.random() < 0.5:
        model["id"] = "mine"
    if draw.random() < 0.3:
        model["provider"] = "lab"
        document["providers"] = {"lab": {"baseUrl": "http://127.0.0.1:1/v1", "keyRequired": False}}
    for _ in range(draw.randint(1, 2)):
        found = list(places(document))
        if not found:
            break
        *above, last = draw.choice(found)
        holder: Any = document
        for step in above:
            holder = holder[step]
        if draw.random() < 0.3:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(draw.choice(ODD))
    return document


@pytest.mark.parametrize("seed", range(longer(2, 20)))
def test_whatever_a_person_writes_as_a_model_is_refused_with_a_sentence_or_listed_as_the_contract_says(
    seed: int, tmp_path: Path
) -> None:
    listed = orjson.loads(orjson.dumps(Catalogue.load().rows(DAY, True, None)))
    draw, file, taken = random.Random(seed), tmp_path / "models.json", 0
    for _ in range(1_000):
        document = drawn(draw)
        file.write_text(json.dumps(document), encoding="utf-8")
        try:
            catalogue = Catalogue.load(file)
        except Failure:
            continue
        taken += 1
        rows = orjson.loads(orjson.dumps(catalogue.rows(DAY, True, None)))
        wrong = [error.message for row in rows if row not in listed for error in MODEL.iter_errors(row)]
        assert wrong == [], document
    assert taken
