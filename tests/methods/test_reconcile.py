"""cost:reconcile against the simulated vendors' own bills: late, in pages, with the usage of others in them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.base import Usage
from sidecar.simulator.billing import BilledCall, OrganizationBill
from tests.helpers.inside import Inside, inside
from tests.helpers.mixed_run import ADMIN, Outside

RANGE = {"from": "2026-11-18", "to": "2026-11-23"}
MODELS = {"openai": "openai/gpt-6-luna", "anthropic": "anthropic/claude-haiku-5-5"}
vendors = pytest.mark.parametrize("vendor", sorted(MODELS))


async def asked(app: Inside, vendor: str, questions: int = 2) -> float:
    """Some questions with their sum, and an admin key."""
    await app.ask(
        "settings:save", {"key": "apiKey", "provider": f"{vendor}-admin", "value": "sk-admin-simulated"}
    )
    costs = []
    for number in range(questions):
        params = {"content": f"Question {number}", "modelId": MODELS[vendor]}
        costs.append((await app.ask("chat:send", params))["result"]["costUSD"])
    return float(sum(costs))


async def reconciled(app: Inside, vendor: str) -> dict[str, Any]:
    answer = await app.ask("cost:reconcile", {"provider": vendor, **RANGE})
    assert "result" in answer, answer
    return dict(answer["result"])


@vendors
async def test_what_both_have_agrees_to_the_last_digit(app: Inside, vendor: str) -> None:
    cost = await asked(app, vendor)
    result = await reconciled(app, vendor)
    [day] = result["days"]
    assert (day["day"], day["model"], day["calls"]) == ("2026-11-23", MODELS[vendor], 2)
    assert day["oursUSD"] == pytest.approx(cost)
    assert day["differenceUSD"] == pytest.approx(0, abs=1e-9)
    assert "explanation" not in day


@vendors
async def test_figures_that_are_not_in_yet_are_said_to_be_so(app: Inside, vendor: str) -> None:
    app.simulator.bill = OrganizationBill(delay_ms=3_600_000)
    await asked(app, vendor)
    [day] = (await reconciled(app, vendor))["days"]
    assert day["theirsUSD"] == 0
    assert "not in yet" in day["explanation"]


@vendors
async def test_what_others_spent_on_the_account_is_named(app: Inside, vendor: str) -> None:
    app.simulator.bill = OrganizationBill(others_usd=Decimal("0.5"))
    await asked(app, vendor)
    [day] = (await reconciled(app, vendor))["days"]
    assert day["differenceUSD"] == pytest.approx(0.5)
    assert "other programs" in day["explanation"]


@vendors
async def test_the_key_for_asking_reads_no_bill_and_the_admin_key_asks_nothing(
    app: Inside, vendor: str
) -> None:
    answer = await app.ask("cost:reconcile", {"provider": vendor, **RANGE})
    assert answer["error"]["data"]["kind"] == "missing_api_key"
    await app.ask(
        "settings:save", {"key": "apiKey", "provider": f"{vendor}-admin", "value": "sk-plain-000000"}
    )
    answer = await app.ask("cost:reconcile", {"provider": vendor, **RANGE})
    assert answer["error"]["data"]["kind"] == "invalid_api_key"
    assert f"The admin key that is saved as {vendor}-admin was refused." in answer["error"]["message"]
    answer = await app.ask("chat:send", {"content": "Hello", "modelId": MODELS[vendor]})
    assert answer["result"]["answer"]


async def test_a_vendor_without_an_interface_is_laid_beside_a_file(app: Inside) -> None:
    answer = await app.ask("cost:reconcile", {"provider": "grok", **RANGE})
    assert "CSV" in answer["error"]["message"]
    await app.ask("chat:send", {"content": "Hello", "modelId": "grok/grok-4.7"})
    text = "date,model,cost\n2026-11-23,grok-4.7,1.5\n"
    result = (await app.ask("cost:reconcile", {"provider": "grok", **RANGE, "text": text}))["result"]
    [day] = result["days"]
    assert (day["theirsUSD"], day["calls"]) == (1.5, 1)


@vendors
@pytest.mark.parametrize("others", [0, 1])
async def test_a_cut_call_is_settled_by_the_minute_in_which_it_was_the_only_one(
    others: int, vendor: str, tmp_path: Path
) -> None:
    outside = Outside()
    simulator = outside.world.simulator
    async with inside(tmp_path, world=outside.world, more_keys=ADMIN) as here:
        model = MODELS[vendor]
        await here.ask("chat:send", {"content": "Cut. [[simulate: cut=2]]", "modelId": model})
        [billed] = simulator.billed()
        # Another program on the same key, in the same minute.
        simulator.bill = OrganizationBill(others=[replace(billed)] * others)
        outside.now += 8 * 3_600_000
        params = {"provider": vendor, "from": "2026-11-29", "to": "2026-12-01"}
        result = (await here.ask("cost:reconcile", params))["result"]
    [day] = result["days"]
    [entry] = simulator.ledger.entries
    assert day["uncertain"] == others
    assert any("the only call of its model" in note for note in result["notes"]) is not bool(others)
    if not others:
        assert day["oursUSD"] == float(entry.charged_usd or 0) == day["theirsUSD"]
        assert "explanation" not in day


class OthersAlone(OrganizationBill):
    """Figures that have the calls of another program by now, and ours not yet."""

    def calls(self, *asked: Any) -> list[BilledCall]:
        return list(self.others)


@vendors
async def test_a_minute_whose_only_call_cannot_be_ours_settles_nothing(vendor: str, tmp_path: Path) -> None:
    outside = Outside()
    simulator = outside.world.simulator
    async with inside(tmp_path, world=outside.world, more_keys=ADMIN) as here:
        await here.ask("chat:send", {"content": "Cut. [[simulate: cut=2]]", "modelId": MODELS[vendor]})
        [billed] = simulator.billed()
        huge = Usage(in_uncached=10**8, prompt_total=10**8)
        other = replace(billed, usage=huge, units={"in_uncached": Decimal(50)})
        simulator.bill = OthersAlone(others=[other])
        outside.now += 8 * 3_600_000
        params = {"provider": vendor, "from": "2026-11-29", "to": "2026-12-01"}
        result = (await here.ask("cost:reconcile", params))["result"]
    assert [day["uncertain"] for day in result["days"] if day["calls"]] == [1]
    assert not any("Settled" in note for note in result["notes"])


async def test_both_sides_are_told_by_unit_and_days_can_be_put_together(app: Inside) -> None:
    await asked(app, "anthropic")
    await app.ask("chat:send", {"content": "Hello", "modelId": "anthropic/claude-sonnet-5-5"})
    days = (await reconciled(app, "anthropic"))["days"]
    assert len(days) == 2
    for day in days:
        assert {unit["unit"] for unit in day["units"]} == {"input", "output"}
        assert all(unit["oursUSD"] == pytest.approx(unit["theirsUSD"]) for unit in day["units"])
    params = {"provider": "anthropic", **RANGE, "group": "day"}
    [together] = (await app.ask("cost:reconcile", params))["result"]["days"]
    assert (together["model"], together["calls"]) == ("all", 3)
    assert together["oursUSD"] == pytest.approx(sum(day["oursUSD"] for day in days))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("xai", "grok"),
        ("xAI Grok", "grok"),
        ("google", "gemini"),
        ("Claude", "anthropic"),
        ("chatgpt", "openai"),
    ],
)
async def test_who_calls_a_vendor_as_people_do_is_told_its_name_here(
    app: Inside, said: str, meant: str
) -> None:
    told = (await app.ask("cost:reconcile", {"provider": said, **RANGE}))["error"]["message"]
    assert f"There is no provider called {said}. Did you mean {meant}?" in told
    assert "Choose one of: openai, anthropic, gemini, grok." in told
    params = {
        "projectId": "p",
        "rows": [{"prompt": "One", "model": "openai/gpt-6-luna"}],
        "providerName": said,
    }
    error = (await app.ask("batch:submit-native", params))["error"]
    assert f"Did you mean {meant}?" in error["message"], error


async def test_a_name_that_is_nobodys_is_told_which_there_are(app: Inside) -> None:
    told = (await app.ask("cost:reconcile", {"provider": "nobody", **RANGE}))["error"]["message"]
    assert "There is no provider called nobody. Choose one of: openai, anthropic, gemini, grok." in told
