from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sidecar.batch.estimate import PromptSize, Range, RowEstimate, Total, estimate_row
from sidecar.batch.expectation import AnswerLength, answer_length
from sidecar.batch.validation import RowProfile
from sidecar.errors import Failure
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import Usage
from sidecar.store.job_records import Lengths
from tests.helpers.local_batches import MODEL, PromptedProvider, answers, works

DAY = date(2026, 11, 23)
EARLIER = Lengths(count=20, low=50, mean=100, high=300)
OTHER = Lengths(count=20, low=5, mean=10, high=30)


def _shape(model: str, cap: int = 1_000) -> RowProfile:
    catalogue = Catalogue.load()
    serving = catalogue.served(model, DAY)
    return RowProfile(serving, catalogue.price_entry(serving.model, DAY), cap)


@pytest.mark.parametrize(
    ("cap", "template", "model", "answer"),
    [
        (1_000, EARLIER, OTHER, AnswerLength(100, 1_000)),
        (1_000, None, OTHER, AnswerLength(10, 1_000)),
        (1_000, None, None, AnswerLength(500, 1_000, learnt=False)),
        (60, EARLIER, None, AnswerLength(60, 60)),
        (8, None, None, AnswerLength(8, 8, learnt=False)),
    ],
)
def test_the_length_of_an_answer_is_told_by_earlier_ones_and_never_beyond_the_cap(
    cap: int, template: Lengths | None, model: Lengths | None, answer: AnswerLength
) -> None:
    assert answer_length(cap, template, model, 500) == answer


def test_a_row_costs_its_tokens_at_the_price_of_the_day_and_half_in_a_batch() -> None:
    # gpt-4o: 2.50 and 10 dollars a million, 1.25 where the prompt is read from a cache; batches at half.
    # A batch's prompt costs that much too, and its answer half. The least is in the cheapest service tier: half of it.
    found = estimate_row(_shape(MODEL), PromptSize(1_000, 1_008, 1_008), AnswerLength(100, 1_000))
    assert found == RowEstimate(
        1_008,
        Range(Decimal("0.00063"), Decimal("0.00352"), Decimal("0.01252"), Decimal("0.01252")),
        Range(Decimal("0.001255"), Decimal("0.00176"), Decimal("0.00626"), Decimal("0.00626")),
    )


def test_the_total_is_the_exact_sum_and_knows_no_batch_where_a_row_has_none() -> None:
    alone = Range(Decimal("0.1"), Decimal("0.2"), Decimal("0.3"), Decimal("0.9"))
    batched = Range(Decimal("0.05"), Decimal("0.1"), Decimal("0.15"), Decimal("0.15"))
    total = Total()
    for provider in ("openai", "openai", "gemini"):
        total.add(provider, RowEstimate(1, alone, batched), answered=provider == "gemini")
    assert total.kept("local") == {
        "totalUSD": "0.6",
        "lowUSD": "0.3",
        "highUSD": "2.7",
        "nativeUSD": "0.3",
    }
    sent = {"totalUSD": "0.3", "lowUSD": "0.15", "highUSD": "0.45", "nativeUSD": "0.3"}
    assert total.kept("native") == sent
    # Nobody has chosen yet which rows run from here first.
    assert total.kept("native", canary=True) == sent | {"highUSD": "2.7"}
    assert (total.local.rows, total.local.reusing_usd) == (3, Decimal("0.4"))
    assert {name: (each.rows, each.expected_usd) for name, each in total.native.items()} == {
        "openai": (2, Decimal("0.2")),
        "gemini": (1, Decimal("0.1")),
    }
    total.add("openai", RowEstimate(1, alone))
    assert total.kept("local") == {"totalUSD": "0.8", "lowUSD": "0.4", "highUSD": "3.6"}
    # A row whose batch has no price costs there what it costs alone.
    assert total.kept("native") == {"totalUSD": "0.5", "lowUSD": "0.25", "highUSD": "1.35"}
    total.add("openai", RowEstimate(5))
    assert total.kept("local")["totalUSD"] == "0.8"


async def test_a_retired_model_is_estimated_as_the_one_that_answers(tmp_path: Path) -> None:
    retired, successor = _shape("openai/o3-mini"), _shape("openai/o3-mini").serving.model.full_id
    assert retired.price == _shape(successor).price


async def test_the_next_batch_is_estimated_by_the_answers_of_the_last_one(tmp_path: Path) -> None:
    short = Usage(in_uncached=100, out_visible=20, prompt_total=100)
    provider = PromptedProvider(script=lambda prompt: answers(usage=short))
    async with works(tmp_path, provider=provider) as here:
        row = {"prompt": "Sum up {{x}}", "model": MODEL, "data": {"x": "this"}, "maxOutputTokens": 1_000}
        before = await here.intake.estimate([row])
        job = await here.ran(await here.intake.submit("p", [row] * 3, ""))
        after = await here.intake.estimate([row])
        other = await here.intake.estimate([{**row, "prompt": "Something else {{x}}"}])
        assert job.estimate is not None
        assert Decimal(job.estimate["totalUSD"]) == 3 * before.total.local.expected_usd
    price = Decimal("0.00001")
    assert before.total.local.expected_usd - after.total.local.expected_usd == 480 * price
    # The template is new, the model is not.
    assert other.total.local.expected_usd < before.total.local.expected_usd
    assert after.total.local.high_usd == before.total.local.high_usd


async def test_the_next_batch_is_expected_to_find_as_much_in_the_cache_as_the_last_one(
    tmp_path: Path,
) -> None:
    # Three quarters of each prompt were read from the cache, which costs half there.
    cached = Usage(in_uncached=250, cache_read=750, out_visible=20, prompt_total=1_000)
    provider = PromptedProvider(script=lambda prompt: answers(usage=cached))
    async with works(tmp_path, provider=provider) as here:
        row = {"prompt": f"Sum up {{{{x}}}} {'word ' * 3_000}", "model": MODEL, "data": {"x": "this"}}
        before = await here.intake.estimate([row])
        await here.ran(await here.intake.submit("p", [row] * 3, ""))
        after = await here.intake.estimate([row])
        other = await here.intake.estimate([{**row, "prompt": f"Else {'word ' * 3_000}"}])
    [(_, told)] = before.rows
    prompt, answer = told.tokens_in * Decimal("0.0000025"), 20 * Decimal("0.00001")
    for found in (after, other):
        assert abs(found.total.local.expected_usd - (prompt * Decimal("0.625") + answer)) < Decimal("0.00001")
    assert any("no cache are assumed" in sentence for sentence in before.assumptions)
    assert not any("assumed" in sentence for sentence in after.assumptions)


async def test_rows_keep_their_ids_or_get_one_by_their_place(tmp_path: Path) -> None:
    async with works(tmp_path) as here:
        rows = [{"prompt": "One", "model": MODEL}, {"id": "own", "prompt": "Two", "model": MODEL}]
        found = await here.intake.estimate(rows)
        assert [row_id for row_id, _ in found.rows] == ["row-1", "own"]
        assert all(each.tokens_in > 0 for _, each in found.rows)
        with pytest.raises(Failure):
            await here.intake.estimate([{"prompt": "One", "model": "nobody/nothing"}])
