"""Estimates over a day on which a price changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.inside import inside


async def estimated(folder: Path, day: str, model: str) -> dict[str, Any]:
    async with inside(folder / day, day=day) as here:
        found = await here.ask("batch:estimate", {"rows": [{"prompt": "Why?", "model": model}]})
        return dict(found["result"])


async def test_a_price_that_rises_while_rows_wait_is_in_the_most_and_not_expected(tmp_path: Path) -> None:
    # From 1 December 2026 on this model costs twice as much.
    carbon = "gemini/gemini-4-carbon"
    before = await estimated(tmp_path, "2026-11-30", carbon)
    after = await estimated(tmp_path, "2026-12-02", carbon)
    assert before["highUSD"] == after["highUSD"]
    assert before["totalUSD"] == pytest.approx(after["totalUSD"] / 2)
    assert any("another price holds from 2026-12-01" in sentence for sentence in before["assumptions"])
    assert not any("another price" in sentence for sentence in after["assumptions"])
