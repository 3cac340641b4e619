"""What a newer catalogue must be to take the place of the present one, and that it does so without a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sidecar import resources
from sidecar.errors import Failure
from sidecar.money.catalogue_files import CatalogueFiles

TODAY = date(2026, 12, 24)
SHIPPED: dict[str, Any] = json.loads(resources.read_bytes("data/models.json"))


def newer(day: str = "2026-12-20") -> dict[str, Any]:
    return {**deepcopy(SHIPPED), "checkedOn": day}


def model(root: dict[str, Any], id_: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in root["models"] if each["id"] == id_)
    return found


def added(root: dict[str, Any], id_: str, prompt: float = 3) -> dict[str, Any]:
    price = {"from": "2026-12-20", "source": "OpenAI", "checkedOn": "2026-12-20"}
    row = {**deepcopy(model(root, "gpt-6-luna")), "id": id_}
    row["prices"] = [{**price, "perMillion": {"prompt": prompt, "completion": 12}}]
    root["models"].append(row)
    return root


def encoded(root: dict[str, Any]) -> bytes:
    return json.dumps(root).encode()


async def test_what_an_update_brings_is_told_and_holds_at_once_and_after_a_restart(tmp_path: Path) -> None:
    root = added(newer(), "gpt-7")
    model(root, "gpt-5.2")["status"] = "retired"
    model(root, "gpt-5.2")["retiredOn"] = "2026-12-20"
    model(root, "gpt-6.2-sol")["prices"].append(
        {**model(root, "gpt-6.2-sol")["prices"][0], "from": "2027-01-01"}
    )
    told: list[str] = []
    files = CatalogueFiles(tmp_path, lambda: told.append("changed"))
    found = await files.update(encoded(root), TODAY)
    assert (found.added, found.removed, found.changed) == (("openai/gpt-7",), (), ("openai/gpt-5.2",))
    assert [(name, price.starts_on) for name, price in found.prices] == [
        ("openai/gpt-6.2-sol", date(2027, 1, 1)),
        ("openai/gpt-7", date(2026, 12, 20)),
    ]
    assert told == ["changed"]
    for catalogue in (files.catalogue, CatalogueFiles(tmp_path).catalogue):
        assert catalogue.row("openai/gpt-7", TODAY)["pricing"]["prompt"] == 3
        assert catalogue.row("gpt-5.2", TODAY)["status"] == "retired"


async def test_an_update_is_taken_back_to_the_one_before_it_and_then_to_the_shipped_one(
    tmp_path: Path,
) -> None:
    files = CatalogueFiles(tmp_path)
    await files.update(encoded(added(newer("2026-12-20"), "gpt-7")), TODAY)
    await files.update(encoded(added(added(newer("2026-12-21"), "gpt-7"), "gpt-8")), TODAY)
    assert (await files.undo_update()).removed == ("openai/gpt-8",)
    assert not files.is_shipped
    assert (await files.undo_update()).removed == ("openai/gpt-7",)
    assert files.is_shipped
    with pytest.raises(Failure, match="no update"):
        await files.undo_update()


async def test_of_three_updates_each_undo_goes_to_the_one_before_also_after_a_restart(tmp_path: Path) -> None:
    names = ["gpt-7", "gpt-8", "gpt-9"]
    for number in range(3):
        root = newer(f"2026-12-2{number}")
        for name in names[: number + 1]:
            added(root, name)
        await CatalogueFiles(tmp_path).update(encoded(root), TODAY)
    removed = [(await CatalogueFiles(tmp_path).undo_update()).removed for _ in names]
    assert removed == [(f"openai/{name}",) for name in reversed(names)]
    assert CatalogueFiles(tmp_path).is_shipped


async def test_an_update_between_undos_is_undone_to_what_held_before_it(tmp_path: Path) -> None:
    files = CatalogueFiles(tmp_path)
    await files.update(encoded(added(newer("2026-12-10"), "gpt-7")), TODAY)
    await files.update(encoded(added(added(newer("2026-12-11"), "gpt-7"), "gpt-8")), TODAY)
    await files.undo_update()
    root = added(added(newer("2026-12-19"), "gpt-7"), "gpt-9")
    await files.update(encoded(root), TODAY)
    assert (await files.undo_update()).removed == ("openai/gpt-9",)
    assert (await files.undo_update()).removed == ("openai/gpt-7",)
    assert files.is_shipped


async def test_more_updates_than_are_kept_are_undone_to_the_shipped_one_in_the_end(tmp_path: Path) -> None:
    files = CatalogueFiles(tmp_path)
    for number in range(12):
        await files.update(encoded(newer(f"2026-12-{number + 10}")), TODAY)
    for _ in range(9):
        await files.undo_update()
    assert files.checked_on == date(2026, 12, 12)
    await files.undo_update()
    assert files.is_shipped
    with pytest.raises(Failure, match="no update"):
        await files.undo_update()


async def test_a_price_that_an_undo_takes_away_is_told(tmp_path: Path) -> None:
    files, root = CatalogueFiles(tmp_path), newer()
    prices = model(root, "gpt-6.2-sol")["prices"]
    prices.append({**prices[0], "from": "2027-01-01"})
    assert (await files.update(encoded(root), TODAY)).gone == ()
    undone = await files.undo_update()
    assert undone.prices == ()
    assert [(name, price.starts_on) for name, price in undone.gone] == [
        ("openai/gpt-6.2-sol", date(2027, 1, 1))
    ]


def of_tomorrow(root: dict[str, Any]) -> None:
    root["checkedOn"] = "2026-12-25"


def far_ahead(root: dict[str, Any]) -> None:
    root["checkedOn"] = "2031-01-01"


def price_ahead(root: dict[str, Any]) -> None:
    model(added(root, "gpt-7"), "gpt-7")["prices"][0]["checkedOn"] = "2031-01-01"


def blank_source(root: dict[str, Any]) -> None:
    model(added(root, "gpt-7"), "gpt-7")["prices"][0]["source"] = "  "


def unknown_member(root: dict[str, Any]) -> None:
    root["modles"] = []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (far_ahead, "checkedOn is 2031-01-01, more than a week ahead: today is 2026-12-24"),
        (price_ahead, "is 2031-01-01, more than a week ahead"),
        (blank_source, "source must be text that is not empty"),
        (unknown_member, "modles is not known"),
    ],
)
async def test_a_catalogue_of_a_day_far_ahead_or_with_what_nobody_knows_is_refused_and_locks_nothing_out(
    change: Callable[[dict[str, Any]], None], words: str, tmp_path: Path
) -> None:
    files, wrong, right = CatalogueFiles(tmp_path), newer(), newer()
    change(wrong)
    with pytest.raises(Failure) as caught:
        await files.update(encoded(wrong), TODAY)
    assert words in caught.value.message.replace("[0]", "")
    of_tomorrow(right)
    await files.update(encoded(right), TODAY)
    assert files.checked_on == date(2026, 12, 25)


async def test_an_update_that_cannot_be_taken_back_holds_on_also_after_a_restart(tmp_path: Path) -> None:
    files = CatalogueFiles(tmp_path)
    await files.update(encoded(added(newer("2026-12-20"), "gpt-7")), TODAY)
    # The person's own price of a model that only the update knows.
    price = {"from": "2026-12-20", "perMillion": {"prompt": 1, "completion": 2}}
    own = {"models": [{"provider": "openai", "id": "gpt-7", "prices": [price]}]}
    (tmp_path / "models.json").write_text(json.dumps(own), encoding="utf-8")
    with pytest.raises(Failure):
        await files.undo_update()
    assert not files.is_shipped
    for catalogue in (files.catalogue, CatalogueFiles(tmp_path).catalogue):
        assert catalogue.row("openai/gpt-7", TODAY)["id"] == "gpt-7"


async def test_a_price_of_the_past_may_change_where_a_note_says_why(tmp_path: Path) -> None:
    root = newer()
    price = model(root, "gpt-6-luna")["prices"][0]
    price["perMillion"]["prompt"] = 0.11
    files = CatalogueFiles(tmp_path)
    with pytest.raises(Failure, match="`notes` say nothing new"):
        await files.update(encoded(root), TODAY)
    price["notes"] = "The vendor's page said 0.11 all along; it was read wrongly."
    found = await files.update(encoded(root), TODAY)
    assert [name for name, _ in found.prices] == ["openai/gpt-6-luna"]


def _without(root: dict[str, Any], id_: str) -> None:
    root["models"].remove(model(root, id_))


def _price_without(root: dict[str, Any], member: str) -> None:
    del model(root, "gpt-6-luna")["prices"][0][member]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: _without(root, "gpt-6.1-sol"), "openai/gpt-6.1-sol is missing"),
        (lambda root: _price_without(root, "source"), "source must be text"),
        (lambda root: _price_without(root, "checkedOn"), "checkedOn must be a day"),
        (lambda root: model(root, "gpt-6-luna").pop("features"), "features is missing"),
        (lambda root: model(root, "gpt-6-luna")["prices"].clear(), "has no price from"),
        (lambda root: root.pop("checkedOn"), "checkedOn must be a day"),
        (lambda root: model(root, "gpt-5").update(successor="gpt-99"), "no model of openai"),
        (lambda root: model(root, "gpt-6-luna").update(featurez=[]), "featurez is not known"),
        (
            lambda root: model(root, "gpt-6-luna")["prices"][0].update(perMillon={}),
            "perMillon is not known",
        ),
        (lambda root: root["serviceTiers"]["anthropic"].pop("inference_geo=us"), "has another price from"),
        (lambda root: root["serviceTiers"]["openai"].pop("priority"), "has another price from"),
        (lambda root: root.update(version=2), "version must be 1"),
        (lambda root: root.update(models=[]), "models must not be empty"),
    ],
)
async def test_what_is_not_whole_is_refused_with_its_place_and_changes_nothing(
    spoil: Any, words: str, tmp_path: Path
) -> None:
    root = newer()
    spoil(root)
    files = CatalogueFiles(tmp_path)
    before = files.catalogue.models
    with pytest.raises(Failure, match=words):
        await files.update(encoded(root), TODAY)
    assert files.catalogue.models is before
    assert list(tmp_path.iterdir()) == []


async def test_an_older_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="Choose a newer one"):
        await CatalogueFiles(tmp_path).update(encoded(newer("2026-01-01")), TODAY)


@pytest.mark.parametrize("content", [b"{", encoded(newer("2026-01-01")), encoded({**newer(), "models": [1]})])
def test_an_update_that_is_older_than_the_app_or_broken_is_passed_over_at_the_start(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "catalogue.json").write_bytes(content)
    assert CatalogueFiles(tmp_path).is_shipped


def test_a_price_that_nobody_has_checked_for_long_is_said_to_be_so(tmp_path: Path) -> None:
    catalogue = CatalogueFiles(tmp_path).catalogue
    assert "priceNote" not in catalogue.row("gpt-6-luna", date(2027, 1, 1))
    assert "last checked on 2026" in catalogue.row("gpt-6-luna", date(2027, 6, 1))["priceNote"]


async def test_a_newer_price_holds_from_its_day_wherever_in_the_file_it_stands(tmp_path: Path) -> None:
    root = newer()
    luna = model(root, "gpt-6-luna")
    later = {
        **deepcopy(luna["prices"][-1]),
        "from": "2026-12-25",
        "perMillion": {"prompt": 7, "completion": 9},
    }
    luna["prices"].insert(0, later)
    files = CatalogueFiles(tmp_path)
    await files.update(encoded(root), TODAY)
    for day, prompt in ((TODAY, luna["prices"][-1]["perMillion"]["prompt"]), (date(2026, 12, 25), 7)):
        assert files.catalogue.row("openai/gpt-6-luna", day)["pricing"]["prompt"] == prompt


async def test_two_prices_from_one_day_are_refused(tmp_path: Path) -> None:
    root = newer()
    luna = model(root, "gpt-6-luna")
    luna["prices"].insert(0, deepcopy(luna["prices"][-1]))
    with pytest.raises(Failure, match="has two from"):
        await CatalogueFiles(tmp_path).update(encoded(root), TODAY)
