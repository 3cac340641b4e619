"""Sums that look back, beside the real process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import claude_events, serving, stream
from tests.field.lab import ask, sidecar, vendor_environment


@field("money", "Anthropic answered in the US only (1.1 times)")
async def test_an_answer_at_its_own_model_s_price_costs_what_it_cost(tmp_path: Path) -> None:
    first, *rest = claude_events("Hello")
    first["message"]["usage"]["inference_geo"] = "us"
    async with (
        serving(stream(first, *rest)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        answer = await ask(process, model="anthropic/claude-sonnet-5")
        found = await process.call("cost:reprice", {"modelId": "anthropic/claude-sonnet-5"})
    # 1,000 tokens in at 2 dollars a million, 100 out at 10, and a tenth more.
    assert answer["costUSD"] == pytest.approx(0.0033)
    assert found["repricedUSD"] == found["actualUSD"] == answer["costUSD"]
