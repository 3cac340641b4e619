"""A vendor's project is set to a dearer service tier: once an answer has told it, the most is by that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.inside import Inside, inside
from tests.helpers.mixed_run import Outside

DAY_MS = 86_400_000
OPTIONS = {"maxOutputTokens": 400}
# By how much each raises the rates of the model.
DEARER = {"openai/gpt-6-sol": 2, "gemini/gemini-3.8-flash": 1.8}


async def high(here: Inside, model: str) -> tuple[float, list[str]]:
    """The most that a row by the model is told to cost, and what that rests on."""
    row = {"prompt": "Why?", "model": model, **OPTIONS}
    told = (await here.ask("batch:estimate", {"rows": [row]}))["result"]
    [now] = [way for way in told["ways"] if way["mode"] == "local"]
    return now["highUSD"], [each for each in told["assumptions"] if "dearer tier" in each]


async def ask(here: Inside, model: str, tier: str = "") -> dict[str, Any]:
    words = f"Why? [[simulate: tier={tier}]]" if tier else "Why?"
    question = {"content": words, "modelId": model, "options": OPTIONS}
    answer: dict[str, Any] = await here.ask("chat:send", question)
    return answer


@pytest.mark.parametrize("model", DEARER)
async def test_what_a_dearer_tier_may_cost_is_told_and_held_back_once_an_answer_has_told_it(
    model: str, tmp_path: Path
) -> None:
    outside, factor = Outside(), DEARER[model]
    async with inside(tmp_path, world=outside.world) as here:
        await here.ask("settings:save", {"key": "retryBrokenAnswers", "value": 0})
        listed, said = await high(here, model)
        assert not said
        await ask(here, model, "priority")
        dear, said = await high(here, model)
        assert dear == pytest.approx(factor * listed)
        assert len(said) == 1
        assert "(priority)" in said[0]
    async with inside(tmp_path, world=outside.world) as here:
        # A limit that has room for the listed price alone.
        spent = (await here.ask("activity:stats", {}))["result"]["totalCost"]
        limit = {"key": "monthlyBudgetUSD", "value": spent + 1.3 * listed}
        await here.ask("settings:save", limit)
        refused = await ask(here, model)
        assert refused["error"]["data"]["kind"] == "budget_exceeded"
        # Another provider's answers are held back for as before.
        other = next(each for each in DEARER if each != model)
        assert not (await high(here, other))[1]
        # The month is over, and so is the week for which it is remembered.
        outside.now += 8 * DAY_MS
        assert not (await high(here, model))[1]
        assert "result" in await ask(here, model)


async def test_a_tier_that_is_cheaper_or_without_a_price_changes_nothing_that_is_told(tmp_path: Path) -> None:
    model = "openai/gpt-6-sol"
    async with inside(tmp_path) as here:
        listed = await high(here, model)
        for tier in ("flex", "default", "warp"):
            await ask(here, model, tier)
            assert await high(here, model) == listed
