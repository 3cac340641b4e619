"""What a question may cost at most, which the budget holds back until its answer is there (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from sidecar.chat.options import roughly_tokens
from sidecar.chat.prepare import PreparedRequest
from sidecar.money.cost_range import GUESSED_FACTOR, extras_of, frame_tokens, highest
from sidecar.money.model import PriceEntry
from sidecar.providers.base import Turn

# A budget must reserve something for an answer without a limit.
UNLIMITED_ANSWER_TOKENS = 8_192


def present_texts(prepared: PreparedRequest) -> list[str]:
    """Return the texts of a question without the conversation's earlier turns."""
    request = prepared.request
    return [request.system or "", request.developer or "", prepared.chat_input.content]


def reservation(
    prepared: PreparedRequest, price: PriceEntry | None
) -> Callable[[Sequence[Turn]], Decimal | None]:
    """Return what gives, for the earlier turns that go along, the most in USD; None where no price bounds it."""
    model, plan, present = prepared.serving.model, prepared.plan, present_texts(prepared)
    answer = plan.max_output_tokens or model.max_output_tokens or UNLIMITED_ANSWER_TOKENS
    around = frame_tokens(plan.body, *present)

    def at_most(earlier: Sequence[Turn]) -> Decimal | None:
        texts = [*present, *(turn.text for turn in earlier)]
        tokens = around + GUESSED_FACTOR * sum(map(roughly_tokens, texts))
        return highest(price, tokens, answer, extras_of(prepared.request, model, plan))

    return at_most
