"""What rows may cost, before anything is sent: low, expected, high, and with the vendors' batch discount (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sidecar.batch.check import Shape
from sidecar.money import pricing
from sidecar.providers.base import Usage
from sidecar.store.job_records import Lengths

# The shortest answer that is reckoned with where nothing is known of earlier ones.
SHORT_ANSWER_TOKENS = 16
# What frames a prompt on its way (roles and separators), which no count of its text knows.
FRAME_TOKENS = 8


@dataclass(frozen=True, slots=True)
class RowEstimate:
    """One row in US dollars. All are None where its model has no price; the native ones where it has no batch price."""

    tokens_in: int
    low_usd: Decimal | None = None
    expected_usd: Decimal | None = None
    high_usd: Decimal | None = None
    native_usd: Decimal | None = None
    native_high_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How long an answer may be, in tokens."""

    low: int
    expected: int
    high: int


def answer_length(cap: int, template: Lengths | None, model: Lengths | None) -> Answer:
    """From earlier answers to the same template, else from any by the model, else from the cap alone."""
    earlier = template or model
    if earlier is None:
        return Answer(min(cap, SHORT_ANSWER_TOKENS), cap, cap)
    return Answer(min(cap, earlier.low), min(cap, earlier.mean), cap)


def estimate_row(shape: Shape, tokens_in: int, answer: Answer) -> RowEstimate:
    """What a prompt of so many tokens may cost with an answer of that length."""
    low, expected, high = (_cost(shape, tokens_in, n) for n in (answer.low, answer.expected, answer.high))
    native = native_high = None
    if "batch" in shape.serving.model.features:
        native = _cost(shape, tokens_in, answer.expected, batch=True)
        native_high = _cost(shape, tokens_in, answer.high, batch=True)
    return RowEstimate(tokens_in, low, expected, high, native, native_high)


class Total:
    """The sum over rows, exact to the last digit. What has no price is in no sum."""

    def __init__(self) -> None:
        self.low_usd = Decimal(0)
        self.expected_usd = Decimal(0)
        self.high_usd = Decimal(0)
        self.native_usd: Decimal | None = Decimal(0)

    def add(self, row: RowEstimate) -> None:
        if row.native_usd is None:
            # The vendors' batches would not take all of the rows, so there is no such way to run the job.
            self.native_usd = None
        elif self.native_usd is not None:
            self.native_usd += row.native_usd
        if row.low_usd is None or row.expected_usd is None or row.high_usd is None:
            return
        self.low_usd += row.low_usd
        self.expected_usd += row.expected_usd
        self.high_usd += row.high_usd

    def kept(self) -> Mapping[str, str]:
        """As it is kept with a job: text, so that no digit is lost, by the wire's names."""
        known = {
            "totalUSD": self.expected_usd,
            "lowUSD": self.low_usd,
            "highUSD": self.high_usd,
            "nativeUSD": self.native_usd,
        }
        return {name: format(usd, "f") for name, usd in known.items() if usd is not None}


def _cost(shape: Shape, tokens_in: int, tokens_out: int, *, batch: bool = False) -> Decimal | None:
    usage = Usage(in_uncached=tokens_in, out_visible=tokens_out, prompt_total=tokens_in)
    cost = pricing.cost(usage, shape.price, batch=batch)
    return None if isinstance(cost, pricing.Unpriced) else cost.total_usd
