"""Calls that broke off and differences, by what vendors say was used: records of calls, minutes, service tiers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.base import Usage
from sidecar.simulator.billing import BilledCall, OrganizationBill
from tests.field.lab import MODEL as LAB
from tests.field.lab import own_models
from tests.helpers.inside import Inside, inside
from tests.helpers.mixed_run import DAY_MS, Outside

CLAUDE = "anthropic/claude-haiku-5-5"
# One of before the analytics: it reads tokens by the minute, and nothing of how many calls these are.
OLDER = {"anthropic-admin": "sk-ant-admin01-older-simulated"}
NEWER = {"anthropic-admin": "sk-admin-simulated"}
RANGE = {"from": "2026-11-29", "to": "2026-12-01"}
CUT = "Cut. [[simulate: cut=2]]"
LATER_MS = 8 * 3_600_000


class OthersAlone(OrganizationBill):
    """Figures that have the calls of another program by now, and ours not yet."""

    def calls(self, *asked: Any) -> list[BilledCall]:
        return list(self.others)


@asynccontextmanager
async def at(folder: Path, outside: Outside, keys: Mapping[str, str]) -> AsyncIterator[Inside]:
    folder.mkdir(exist_ok=True)
    (folder / "models.json").write_text(json.dumps(own_models("https://lab.example")), "utf-8")
    async with inside(folder, world=outside.world, more_keys=keys) as here:
        yield here


async def reconciled(here: Inside, provider: str) -> dict[str, Any]:
    answer = await here.ask("cost:reconcile", {"provider": provider, **RANGE})
    assert "result" in answer, answer
    return dict(answer["result"])


async def test_a_call_to_a_gateway_that_broke_off_is_settled_once_its_record_is_there(tmp_path: Path) -> None:
    outside = Outside()
    simulator = outside.world.simulator
    simulator.bill = OrganizationBill(delay_ms=LATER_MS)
    async with at(tmp_path, outside, {}) as here:
        await here.ask("chat:send", {"content": CUT, "modelId": LAB})
        early = await here.ask("cost:reconcile", {"provider": "lab", **RANGE})
        outside.now += LATER_MS
        result = await reconciled(here, "lab")
    assert early["error"]["data"]["kind"] == "unsupported"
    [day] = result["days"]
    [entry] = simulator.ledger.entries
    assert (day["oursUSD"], day["uncertain"]) == (float(entry.charged_usd or 0), 0)
    assert "by the server's own record" in result["notes"][0]


async def test_a_gateway_s_activity_agrees_with_what_was_asked_of_it_once_the_day_is_over(
    tmp_path: Path,
) -> None:
    outside = Outside()
    async with at(tmp_path, outside, {"lab-admin": "sk-admin-simulated"}) as here:
        for _ in range(3):
            await here.ask("chat:send", {"content": "Why?", "modelId": LAB})
        same_day = await reconciled(here, "lab")
        outside.now += DAY_MS
        next_day = await reconciled(here, "lab")
    async with at(tmp_path, outside, {"lab-admin": "sk-or-ordinary-0123456789"}) as here:
        refused = await here.ask("cost:reconcile", {"provider": "lab", **RANGE})
    charged = sum(entry.charged_usd or 0 for entry in outside.world.simulator.ledger.entries)
    [day] = same_day["days"]
    assert (day["theirsUSD"], "not in yet" in day["explanation"]) == (0, True)
    [day] = next_day["days"]
    assert (day["day"], day["model"], day["calls"]) == ("2026-11-30", LAB, 3)
    assert day["theirsUSD"] == pytest.approx(float(charged))
    assert day["differenceUSD"] == pytest.approx(0, abs=1e-9)
    assert "management keys" in refused["error"]["message"] or refused["error"]["data"]["status"] == 403


@pytest.mark.parametrize("others", ["none", "one in the same minute", "one alone"])
async def test_an_older_key_settles_a_cut_call_by_the_minute_that_has_its_question_and_nothing_else(
    others: str, tmp_path: Path
) -> None:
    outside = Outside()
    simulator = outside.world.simulator
    async with at(tmp_path, outside, OLDER) as here:
        await here.ask("chat:send", {"content": CUT, "modelId": CLAUDE})
        [billed] = simulator.billed()
        # Nothing in such a report says that this is of another program, but that its question is another one.
        asked = billed.usage.in_uncached + 1
        other = replace(billed, usage=Usage(in_uncached=asked, out_visible=5, prompt_total=asked))
        if others == "one in the same minute":
            simulator.bill = OrganizationBill(others=[other])
        elif others == "one alone":
            simulator.bill = OthersAlone(others=[other])
        outside.now += LATER_MS
        result = await reconciled(here, "anthropic")
    settled = [note for note in result["notes"] if note.startswith("Settled")]
    [day] = [each for each in result["days"] if each["calls"]]
    assert (len(settled), day["uncertain"]) == ((1, 0) if others == "none" else (0, 1))
    if others == "none":
        [entry] = simulator.ledger.entries
        assert day["oursUSD"] == float(entry.charged_usd or 0) == day["theirsUSD"]


async def test_an_older_key_settles_nothing_of_a_call_of_which_no_count_arrived(tmp_path: Path) -> None:
    outside = Outside()
    async with at(tmp_path, outside, OLDER) as here:
        await here.ask("chat:send", {"content": "At once. [[simulate: cut=0]]", "modelId": CLAUDE})
        outside.now += LATER_MS
        result = await reconciled(here, "anthropic")
    assert [day["uncertain"] for day in result["days"] if day["calls"]] == [1]


@pytest.mark.parametrize("keys", [NEWER, OLDER], ids=["analytics", "cost_report"])
async def test_a_service_tier_in_which_the_vendor_counted_more_explains_the_difference(
    keys: Mapping[str, str], tmp_path: Path
) -> None:
    outside = Outside()
    simulator = outside.world.simulator
    async with at(tmp_path, outside, keys) as here:
        await here.ask("chat:send", {"content": "Why?", "modelId": CLAUDE})
        [billed] = simulator.billed()
        batched = replace(billed, batch=True, units={"in_uncached": Decimal("0.25")})
        simulator.bill = OrganizationBill(others=[batched])
        result = await reconciled(here, "anthropic")
    [day] = result["days"]
    assert day["differenceUSD"] == pytest.approx(0.25)
    assert "the service tier batch ($0.25 there, $0.00 here)" in day["explanation"]


@pytest.mark.parametrize("group", ["model", "day"])
async def test_tokens_in_a_tier_that_openai_s_bill_does_not_name_are_told_beside_the_difference(
    group: str, tmp_path: Path
) -> None:
    outside = Outside()
    simulator = outside.world.simulator
    async with at(tmp_path, outside, {"openai-admin": "sk-admin-simulated"}) as here:
        await here.ask("chat:send", {"content": "Why?", "modelId": "openai/gpt-6-luna"})
        agreed = await reconciled(here, "openai")
        [billed] = simulator.billed()
        usage = Usage(in_uncached=1_200, out_visible=34, prompt_total=1_200, service_tier="priority")
        other = replace(billed, usage=usage, units={"in_uncached": Decimal("0.25")})
        simulator.bill = OrganizationBill(others=[other])
        answer = await here.ask("cost:reconcile", {"provider": "openai", **RANGE, "group": group})
    assert "explanation" not in agreed["days"][0]
    [day] = answer["result"]["days"]
    assert day["explanation"].endswith(
        "In the service tier priority it counted 1,234 tokens, and here are 0."
    )
