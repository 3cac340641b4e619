"""What a row is expected to cost: as this project's earlier answers were, else by an assumption that is said (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from sidecar.batch.validation import RowProfile
from sidecar.money import pricing
from sidecar.money.cost_range import TOKENS_A_SEARCH
from sidecar.providers.base import Usage
from sidecar.store.job_records import UNCACHED, CachedShare, EarlierSearches, Lengths

# How long answers are where nothing is known of earlier ones: as JSON, as text, and what a model thinks before.
JSON_ANSWER_TOKENS, TEXT_ANSWER_TOKENS, THINKING_TOKENS = 300, 500, 1_000
# How much an answer that may search does so where nothing is known of earlier ones.
ONE_SEARCH = EarlierSearches(thousandths=1_000, prompt_tokens=TOKENS_A_SEARCH)
NO_SEARCH = EarlierSearches(thousandths=0, prompt_tokens=0)


@dataclass(frozen=True, slots=True)
class AnswerLength:
    """How long an answer is thought to be, and may be, in tokens. `learnt`: from earlier answers.

    `cached` is what caches are thought to have of its prompt, `searched` what earlier answers searched, None where
    none is known that did.
    """

    expected: int
    high: int
    learnt: bool = True
    cached: CachedShare = UNCACHED
    searched: EarlierSearches | None = None


def answer_length(cap: int, template: Lengths | None, model: Lengths | None, prior: int) -> AnswerLength:
    """From earlier answers to the same template, else from any by the model, else `prior`, which is an assumption."""
    earlier = template or model
    if earlier is None:
        return AnswerLength(min(cap, prior), cap, learnt=False)
    return AnswerLength(min(cap, earlier.mean), cap, cached=earlier.cached, searched=earlier.searched)


def prior_tokens(shape: RowProfile) -> int:
    """How long an answer is thought to be without any earlier one: by the kind of the prompt, and of the model."""
    answer = JSON_ANSWER_TOKENS if shape.wants_json else TEXT_ANSWER_TOKENS
    return answer + (THINKING_TOKENS if "reasoning" in shape.serving.model.features else 0)


def expected_searches(shape: RowProfile, answer: AnswerLength) -> EarlierSearches:
    """Return how much a row is thought to search: not at all where it may not, and no more often than it may."""
    if not shape.extras.searches:
        return NO_SEARCH
    found = answer.searched or ONE_SEARCH
    return replace(found, thousandths=min(found.thousandths, shape.extras.searches * 1_000))


def expected_usd(
    shape: RowProfile, tokens_in: int, answer: AnswerLength, *, batch: bool = False
) -> Decimal | None:
    """Return what a prompt of so many tokens is expected to cost in US dollars; None where it has no price.

    What was found by searches is read as a part of the prompt. Where searches have no price they are left out.
    """
    searched = expected_searches(shape, answer)
    # Without earlier ones what is found comes to the prompt; of earlier ones the whole prompt is known.
    found = tokens_in + searched.prompt_tokens if answer.searched is None else searched.prompt_tokens
    usage = _usage(shape, max(tokens_in, found), answer)
    cost = pricing.cost(usage, shape.price, batch=batch)
    if isinstance(cost, pricing.Unpriced):
        return None
    with_one = pricing.cost(replace(usage, searches=1), shape.price, batch=batch)
    if isinstance(with_one, pricing.Unpriced):
        return cost.total_usd
    a_search = with_one.total_usd - cost.total_usd
    return cost.total_usd + a_search * searched.thousandths / 1_000


def _usage(shape: RowProfile, tokens_in: int, answer: AnswerLength) -> Usage:
    share = answer.cached
    read, short, long = (
        tokens_in * each // 1_000 for each in (share.read, share.written_short, share.written_long)
    )
    return Usage(
        in_uncached=tokens_in - read - short - long,
        cache_read=read,
        cache_write_short=short,
        cache_write_long=long,
        out_visible=answer.expected,
        prompt_total=tokens_in,
        surcharges=shape.extras.surcharges,
    )
