"""cost:reconcile with a console's export that tells tokens and no charge: what it shows, and what it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.base import Usage
from tests.helpers.inside import Inside, inside

DAY = "2026-11-23"
RANGE = {"from": "2026-11-22", "to": "2026-11-24"}
OPENAI, CLAUDE, GROK = "openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "grok/grok-4.7"
CACHED = {"enablePromptCaching": True}
LONG = "Sum this up: " + "one word after the other " * 600


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path, day=DAY) as here:
        yield here


async def used(app: Inside, model: str) -> list[Usage]:
    """Ask twice, the second time with the prompt in the cache, and return what the vendor counted."""
    for _ in range(2):
        answer = await app.ask("chat:send", {"content": LONG, "modelId": model, "options": CACHED})
        assert "result" in answer, answer
    return [entry.usage for entry in app.simulator.ledger.entries if entry.usage is not None]


async def laid_beside(app: Inside, provider: str, text: str) -> dict[str, Any]:
    answer = await app.ask("cost:reconcile", {"provider": provider, **RANGE, "text": text})
    assert "result" in answer, answer
    return dict(answer["result"])


async def refused(app: Inside, provider: str, text: str) -> str:
    answer = await app.ask("cost:reconcile", {"provider": provider, **RANGE, "text": text})
    return str(answer["error"]["message"])


def of_openai(usages: list[Usage]) -> str:
    head = "start_time_iso,num_model_requests,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens"
    lines = [
        f"{DAY}T00:00:00+00:00,1,gpt-6-luna,False,default,{each.prompt_total},{each.out_total},{each.cache_read}"
        for each in usages
    ]
    return "\n".join([head, *lines])


def of_anthropic(usages: list[Usage]) -> str:
    head = (
        "usage_date_utc,model_version,api_key,usage_type,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
        "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count"
    )
    lines = [
        f"{DAY},claude-haiku-5-5,mine,standard,{each.in_uncached},{each.cache_write_short},{each.cache_write_long},"
        f"{each.cache_read},{each.out_total},0"
        for each in usages
    ]
    return "\n".join([head, *lines])


@pytest.mark.parametrize(
    ("model", "export"), [(OPENAI, of_openai), (CLAUDE, of_anthropic)], ids=["openai", "anthropic"]
)
async def test_tokens_that_agree_are_priced_as_ours_are_and_said_to_be_no_charge(
    app: Inside, model: str, export: Any
) -> None:
    usages = await used(app, model)
    result = await laid_beside(app, model.partition("/")[0], export(usages))
    [day] = result["days"]
    assert result["theirsPriced"] is True
    assert any("tokens and no charges" in note and "cannot show" in note for note in result["notes"])
    assert (day["day"], day["model"], day["calls"]) == (DAY, model, 2)
    counts = {unit["unit"]: (unit.get("oursCount"), unit.get("theirsCount")) for unit in day["units"]}
    assert counts["cached input"] == (sum(each.cache_read for each in usages),) * 2
    assert counts["output"] == (sum(each.out_total for each in usages),) * 2
    if model == CLAUDE:
        assert day["differenceUSD"] == pytest.approx(0, abs=1e-12)
        assert "explanation" not in day


async def test_tokens_of_another_program_are_seen_and_a_model_without_a_price_is_in_no_sum(
    app: Inside,
) -> None:
    usages = await used(app, CLAUDE)
    more = Usage(in_uncached=1_000_000)
    text = of_anthropic([*usages, more]) + f"\n{DAY},claude-of-nobody,other,standard,500,0,0,0,5,0"
    result = await laid_beside(app, "anthropic", text)
    [ours] = result["days"]
    assert ours["differenceUSD"] == pytest.approx(0.1)
    assert "counts more" in ours["explanation"]
    assert any("505 tokens of claude-of-nobody have no price here" in note for note in result["notes"])


async def test_a_sum_that_is_one_of_tokens_is_not_taken_for_dollars(app: Inside) -> None:
    text = (
        f"date,model,input_tokens,output_tokens,total\n{DAY},grok-4.7,1000,200,1200\n{DAY},grok-4.7,10,2,12\n"
    )
    result = await laid_beside(app, "grok", text)
    assert 0 < result["theirsUSD"] < 0.1
    assert result["theirsPriced"] is True


async def test_a_gateway_s_dollars_beside_its_tokens_are_dollars(app: Inside) -> None:
    text = f"date,model,usage,requests,prompt_tokens,completion_tokens\n{DAY},grok-4.7,0.5,3,1000,200\n"
    result = await laid_beside(app, "grok", text)
    assert result["theirsUSD"] == 0.5
    assert "theirsPriced" not in result


async def test_tokens_of_which_nobody_says_what_they_were_are_refused_with_what_to_do(app: Inside) -> None:
    told = await refused(app, "grok", f"date,model,tokens\n{DAY},grok-4.7,1200\n")
    assert "which of its tokens are of questions and which of answers" in told
    assert "Export" in told
    told = await refused(app, "grok", f"date,model,input_tokens,output_tokens\n{DAY},grok-4.7,many,1\n")
    assert "Line 2" in told
