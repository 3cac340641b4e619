"""Rows of Gemini's own batches search too, and take from the same free searches as questions do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from sidecar.providers.base import Done
from sidecar.providers.batches import BatchResult
from tests.helpers.asking import Clock
from tests.helpers.native_batches import USAGE, NativeWorks, Vendor, native_works, on_disk

MODEL = "gemini/gemini-3.8-flash"
A_MONTH = 5_000
KEYS = {"gemini": "test-key-1234"}


def searched(custom_id: str, prompt: str) -> BatchResult:
    used = replace(USAGE, searches=1_000)
    return BatchResult(custom_id, prompt, done=Done("stop", used, "gemini-3.8-flash"))


async def asked(here: NativeWorks, rows: int) -> None:
    given = [{"prompt": str(number), "model": MODEL} for number in range(rows)]
    job, _ = await here.native.submit("p", given, "gemini", "")
    assert (await here.ended(job.id)).completed_rows == rows


async def paid_searches(here: NativeWorks) -> list[int]:
    found = []
    for entry in await here.entries():
        quantities = {part["unit"]: part["quantity"] for part in entry.parts or ()}
        assert quantities.get("searches", 0) + quantities.get("free_searches", 0) == 1_000
        assert entry.cost_usd == sum(Decimal(part["usd"]) for part in entry.parts or ())
        found.append(quantities.get("searches", 0))
    return sorted(found)


async def test_rows_of_a_batch_cost_nothing_for_their_searches_until_the_month_s_are_used_up(
    tmp_path: Path,
) -> None:
    clock, vendor = Clock(), Vendor("gemini", outcome=searched)
    async with native_works(tmp_path, vendor, keys=KEYS, clock=clock) as here:
        await here.settings.save("freeSearches", True)
        await asked(here, 3)
        assert await paid_searches(here) == [0, 0, 0]
    # Another run of the program goes on where the first one was.
    async with native_works(tmp_path, vendor, keys=KEYS, clock=clock) as here:
        await asked(here, 4)
        assert await paid_searches(here) == [0, 0, 0, 0, 0, 1_000, 1_000]


async def test_rows_are_paid_in_full_by_a_key_that_is_not_said_to_have_free_searches(tmp_path: Path) -> None:
    async with native_works(tmp_path, Vendor("gemini", outcome=searched), keys=KEYS) as here:
        await asked(here, 2)
        assert await paid_searches(here) == [1_000, 1_000]


async def test_rows_of_another_month_take_from_searches_of_their_own(tmp_path: Path) -> None:
    clock = Clock()
    vendor = Vendor("gemini", outcome=searched)
    async with native_works(tmp_path, vendor, keys=KEYS, clock=clock) as here:
        await here.settings.save("freeSearches", True)
        await asked(here, 5)
        clock.ms += 35 * 86_400_000
        await asked(here, 1)
        assert await paid_searches(here) == [0] * 6
    assert on_disk(tmp_path, "SELECT sum(searches) FROM ledger") == [(A_MONTH + 1_000,)]
