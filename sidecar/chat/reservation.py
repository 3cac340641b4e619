"""What a question may cost at most, which the budget holds back until its answer is there (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from sidecar.chat.options import roughly_tokens
from sidecar.chat.prepare import PreparedRequest
from sidecar.money.cost_range import (
    GUESSED_FACTOR,
    TOKENS_A_SEARCH,
    extras_of,
    frame_tokens,
    highest,
    longest_answer,
    most_written,
    sent_tokens,
)
from sidecar.money.model import PriceEntry
from sidecar.providers.base import FurtherRequest, PreparedCall, Turn


def present_texts(prepared: PreparedRequest) -> list[str]:
    """Return the texts of a question without the conversation's earlier turns."""
    request = prepared.request
    return [request.system or "", request.developer or "", prepared.chat_input.content]


def reservation(
    prepared: PreparedRequest, price: PriceEntry | None
) -> Callable[[Sequence[Turn]], Decimal | None]:
    """Return what gives, for the earlier turns that go along, the most in USD; None where no price bounds it."""
    model, plan, present = prepared.serving.model, prepared.plan, present_texts(prepared)
    answer = longest_answer(plan, model)
    around = frame_tokens(plan.body, *present)

    def at_most(earlier: Sequence[Turn]) -> Decimal | None:
        texts = [*present, *(turn.text for turn in earlier)]
        tokens = around + GUESSED_FACTOR * sum(map(roughly_tokens, texts))
        return highest(price, tokens, answer, extras_of(prepared.request, model, plan))

    return at_most


def further_at_most(
    prepared: PreparedRequest, plan: PreparedCall, further: FurtherRequest, price: PriceEntry | None
) -> Decimal | None:
    """Return the most in USD that a request costs which nobody counted on; None where no price bounds it.

    `plan` is the question as it was sent first, with the earlier turns.
    """
    model = prepared.serving.model
    prompt = sent_tokens(plan.body) if further.prompt_tokens is None else further.prompt_tokens
    prompt += TOKENS_A_SEARCH * further.found
    answer = most_written(model) if further.answer_tokens is None else further.answer_tokens
    extras = extras_of(prepared.request, model, plan)
    if further.searches is not None:
        extras = replace(extras, searches=further.searches)
    return highest(price, prompt, answer, extras)
