"""What a question may cost at most, which the budget holds back until its answer is there (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from sidecar.chat.options import TURN_OVERHEAD_TOKENS
from sidecar.chat.prepare import PreparedRequest
from sidecar.money.cost_range import (
    TOKENS_A_SEARCH,
    Extras,
    extras_of,
    frame_tokens,
    highest,
    longest_answer,
    most_tokens,
    most_written,
    sent_tokens,
)
from sidecar.money.model import PriceEntry
from sidecar.money.tokens import COUNTER
from sidecar.providers.base import FurtherRequest, PreparedCall, Turn
from sidecar.spending.budget import What

Highest = Callable[[PriceEntry | None, int, int, Extras], Decimal | None]


def present_texts(prepared: PreparedRequest) -> list[str]:
    """Return the texts of a question without the conversation's earlier turns."""
    request = prepared.request
    return [request.system or "", request.developer or "", prepared.chat_input.content]


class Reservation:
    """The most in USD that a question costs with the earlier turns that go along; None where no price bounds it."""

    def __init__(
        self, prepared: PreparedRequest, price: PriceEntry | None, highest: Highest = highest
    ) -> None:
        self._prepared = prepared
        self._price = price
        self._highest = highest

    @property
    def what(self) -> What:
        """What is asked for, by which a refusal says what to do. One that searches by itself searches on."""
        model, plan = self._prepared.serving.model, self._prepared.plan
        searches = extras_of(self._prepared.request, model, plan).searches
        return "searching" if searches and not model.searches_by_itself else "answer"

    def at_most(self, earlier: Sequence[Turn]) -> Decimal | None:
        """Return it by the bytes of the texts, which takes no time and holds for every tokenizer."""
        return self.of(earlier, most_tokens)

    def counted(self, earlier: Sequence[Turn]) -> Decimal | None:
        """Return it by the tokens of the texts where the model's tokenizer is public, else as `at_most`.

        The tables take 65 MB, so they are asked where the bytes would refuse the question.
        """
        model = self._prepared.serving.model.full_id
        return self.of(earlier, lambda text: COUNTER.count_exactly(text, model) or most_tokens(text))

    def of(self, earlier: Sequence[Turn], tokens: Callable[[str], int]) -> Decimal | None:
        """Return it by so many tokens of each text."""
        prepared = self._prepared
        model, plan, present = prepared.serving.model, prepared.plan, present_texts(prepared)
        around = frame_tokens(plan.body, *present) + TURN_OVERHEAD_TOKENS * len(earlier)
        prompt = around + sum(map(tokens, [*present, *(turn.text for turn in earlier)]))
        return self._highest(
            self._price,
            prompt,
            longest_answer(plan, model),
            extras_of(prepared.request, model, plan, prepared.tiers),
        )


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
    extras = extras_of(prepared.request, model, plan, prepared.tiers)
    if further.searches is not None:
        extras = replace(extras, searches=further.searches)
    return highest(price, prompt, answer, extras)
