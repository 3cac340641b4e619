"""A call that broke off is settled by minutes only where no other can be meant: vendors count late and by the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.simulator.billing import BilledCall, OrganizationBill
from tests.helpers.inside import Inside, inside
from tests.helpers.mixed_run import ADMIN, Outside

MODELS = {"openai": "openai/gpt-6-luna", "anthropic": "anthropic/claude-haiku-5-5"}
RANGE = {"from": "2026-11-29", "to": "2026-12-01"}
CUT = "Cut. [[simulate: cut=2]]"
MINUTE_MS = 60_000
# By then all figures are in.
LATER_MS = 8 * 60 * MINUTE_MS
vendors = pytest.mark.parametrize("vendor", sorted(MODELS))


@dataclass(frozen=True, slots=True)
class CountedByItsEnd(OrganizationBill):
    """Figures that have our calls in the minute in which they ended at the vendor, which did not see us go."""

    went_on_ms: int = 0

    def calls(self, calls: Any, provider: str, first_ms: int, end_ms: int, now_ms: int) -> list[BilledCall]:
        ended = [replace(call, at_ms=call.at_ms + self.went_on_ms) for call in calls]
        rest = OrganizationBill(self.delay_ms, self.others_usd, self.others)
        return rest.calls(ended, provider, first_ms, end_ms, now_ms)


@asynccontextmanager
async def cut_call(
    folder: Path, vendor: str, content: str = CUT
) -> AsyncIterator[tuple[Inside, Outside, BilledCall]]:
    """A call that broke off, and what its vendor charged for it."""
    outside = Outside()
    async with inside(folder, world=outside.world, more_keys=ADMIN) as here:
        await here.ask("chat:send", {"content": content, "modelId": MODELS[vendor]})
        [billed] = outside.world.simulator.billed()
        yield here, outside, billed


async def uncertain_after(here: Inside, vendor: str) -> tuple[int, list[str]]:
    """How many calls are uncertain when the bill has been looked at, and what was said of those that were settled."""
    answer = await here.ask("cost:reconcile", {"provider": vendor, **RANGE})
    assert "result" in answer, answer
    result = answer["result"]
    notes = [note for note in result["notes"] if note.startswith("Settled")]
    return sum(day["uncertain"] for day in result["days"]), notes


def of_another_program(ours: BilledCall, at_ms: int) -> BilledCall:
    """A call that costs a little more, as the model, the tier and the question's length are the same."""
    usage = replace(ours.usage, out_visible=ours.usage.out_visible + 3)
    units = {**ours.units, "out_visible": ours.units["out_visible"] + Decimal("0.00001")}
    return replace(ours, at_ms=at_ms, usage=usage, units=units)


@vendors
@pytest.mark.parametrize("went_on_ms", [4 * MINUTE_MS, 50 * MINUTE_MS], ids=["minutes", "most of an hour"])
async def test_a_cut_call_that_its_vendor_counts_by_its_end_is_not_settled_by_another_programs_charge(
    went_on_ms: int, vendor: str, tmp_path: Path
) -> None:
    async with cut_call(tmp_path, vendor) as (here, outside, billed):
        other = of_another_program(billed, billed.at_ms)
        outside.world.simulator.bill = CountedByItsEnd(others=[other], went_on_ms=went_on_ms)
        outside.now += LATER_MS
        assert await uncertain_after(here, vendor) == (1, [])


@vendors
async def test_a_cut_call_that_its_vendor_counts_by_its_end_is_settled_where_it_is_alone(
    vendor: str, tmp_path: Path
) -> None:
    async with cut_call(tmp_path, vendor) as (here, outside, billed):
        # A day's work of another program, an hour before and well after.
        others = [of_another_program(billed, billed.at_ms + hours * 60 * MINUTE_MS) for hours in (-1, 2)]
        outside.world.simulator.bill = CountedByItsEnd(others=others, went_on_ms=4 * MINUTE_MS)
        outside.now += LATER_MS
        uncertain, [note] = await uncertain_after(here, vendor)
        [entry] = outside.world.simulator.ledger.entries
        stats = (await here.ask("activity:stats", {}))["result"]
    assert (uncertain, stats["totalCost"]) == (0, float(entry.charged_usd or 0))
    assert "the only call of its model" in note


@vendors
async def test_figures_that_may_still_lack_our_call_are_not_asked_for(vendor: str, tmp_path: Path) -> None:
    async with cut_call(tmp_path, vendor) as (here, outside, billed):
        other = of_another_program(billed, billed.at_ms + MINUTE_MS)

        class OursAreLate(OrganizationBill):
            def calls(self, calls: Any, *asked: Any) -> list[BilledCall]:
                ours = calls if asked[-1] >= billed.at_ms + 4 * 60 * MINUTE_MS else ()
                return OrganizationBill(others=self.others).calls(ours, *asked)

        outside.world.simulator.bill = OursAreLate(others=[other])
        outside.now += 3 * 60 * MINUTE_MS
        early = await uncertain_after(here, vendor)
        outside.now += LATER_MS
        late = await uncertain_after(here, vendor)
    assert early == late == (1, [])


@vendors
async def test_a_call_that_the_vendor_may_never_have_begun_is_not_settled_by_the_only_one_there_is(
    vendor: str, tmp_path: Path
) -> None:
    async with cut_call(tmp_path, vendor, "At once. [[simulate: cut=0]]") as (here, outside, _):
        outside.now += LATER_MS
        assert await uncertain_after(here, vendor) == (1, [])


DOUBTS: dict[str, Callable[[BilledCall], Sequence[BilledCall]]] = {
    "a question of another length": lambda ours: [
        replace(
            ours,
            usage=replace(
                ours.usage, in_uncached=ours.usage.in_uncached + 1, prompt_total=ours.usage.prompt_total + 1
            ),
        )
    ],
    "a call beside it": lambda ours: [ours, of_another_program(ours, ours.at_ms + 30 * MINUTE_MS)],
    "a row of a batch": lambda ours: [replace(ours, batch=True)],
    "another model": lambda ours: [replace(ours, model=f"{ours.model}-mini")],
}


@pytest.mark.parametrize("doubt", sorted(DOUBTS))
async def test_minutes_in_which_anything_is_otherwise_settle_nothing(doubt: str, tmp_path: Path) -> None:
    async with cut_call(tmp_path, "anthropic") as (here, outside, billed):

        class Told(OrganizationBill):
            def calls(self, *asked: Any) -> list[BilledCall]:
                return list(self.others)

        outside.world.simulator.bill = Told(others=DOUBTS[doubt](billed))
        outside.now += LATER_MS
        assert await uncertain_after(here, "anthropic") == (1, [])


async def test_another_call_of_ours_in_the_hour_after_leaves_a_cut_call_uncertain(tmp_path: Path) -> None:
    async with cut_call(tmp_path, "openai") as (here, outside, billed):
        outside.now += 40 * MINUTE_MS
        await here.ask("chat:send", {"content": "And?", "modelId": MODELS["openai"]})

        class OneIsLeftOut(OrganizationBill):
            def calls(self, calls: Any, *asked: Any) -> list[BilledCall]:
                return [call for call in calls if call.at_ms > billed.at_ms]

        outside.world.simulator.bill = OneIsLeftOut()
        outside.now += LATER_MS
        assert await uncertain_after(here, "openai") == (1, [])
