"""What a question may cost at most, which the budget holds back until its answer is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from sidecar.chat.options import TURN_OVERHEAD_TOKENS
from sidecar.chat.prepare import PreparedRequest
from sidecar.money.cost_range import (
    TOKENS_A_SEARCH,
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


def present_texts(prepared: PreparedRequest) -> list[str]:
    """Return the texts of a question without the conversation's earlier turns."""
    request = prepared.request
    return [request.system or "", request.developer or "", prepared.chat_input.content]


class Reservation:
    """The most in USD that a question costs with the earlier turns that go along; None where no price bounds it."""

    def __init__(self, prepared: PreparedRequest, price: PriceEntry | None) -> None:
        self._prepared = prepared
        self._price = price

    @property
    def what(self) -> What:
        """What is asked for, by which a refusal says what to do. One that searches by itself searches on."""
        model, plan = self._prepared.serving.model, self._prepared.plan
        searches = extras_of(self._prepared.request, model, plan).searches
        return "searching" if searches and not model.searches_by_itself else "answer"

    def at_most(self, earlier: Sequence[Turn]) -> Decimal | None:
        """Return it by the bytes of the texts, which takes no time and holds for every tokenizer."""
        return self._of(earlier, most_tokens)

    def counted(self, earlier: Sequence[Turn]) -> Decimal | None:
        """Return it by the tokens of the texts where the model's tokenizer is public, else as `at_most`.

        The tables take 65 MB, so they are asked where the bytes would refuse the question.
        """
        model = self._prepared.serving.model.full_id
        return self._of(earlier, lambda text: COUNTER.count_exactly(text, model) or most_tokens(text))

    def _of(self, earlier: Sequence[Turn], tokens: Callable[[str], int]) -> Decimal | None:
        prepared = self._prepared
        model, plan, present = prepared.serving.model, prepared.plan, present_texts(prepared)
        around = frame_tokens(plan.body, *present) + TURN_OVERHEAD_TOKENS * len(earlier)
        prompt = around + sum(map(tokens, [*present, *(turn.text for turn in earlier)]))
        return highest(
            self._price, prompt, longest_answer(plan, model), extras_of(prepared.request, model, plan)
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
    extras = extras_of(prepared.request, model, plan)
    if further.searches is not None:
        extras = replace(extras, searches=further.searches)
    return highest(price, prompt, answer, extras)


async def most_today(
    prepared: PreparedRequest, price: PriceEntry | None, held_usd: Decimal | None
) -> Decimal | None:
    """Return the most in USD that a question costs for which so much is held already, maybe by an older price.

    A price that rose since then raises it; one that fell does not lower it.
    """
    reservation = Reservation(prepared, price)
    most = reservation.at_most(())
    if most is None or held_usd is None:
        return most if held_usd is None else held_usd
    if most > held_usd:
        # What is held may be of counted tokens; counting takes long where the tables are not loaded yet.
        most = await asyncio.to_thread(reservation.counted, ()) or most
    return max(most, held_usd)
