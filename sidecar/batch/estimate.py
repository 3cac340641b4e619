"""What rows may cost, before anything is sent: low, expected, high, and with the vendors' batch discount (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sidecar.batch.validation import RowProfile
from sidecar.money import pricing
from sidecar.providers.base import Usage
from sidecar.store.job_records import Lengths

# The shortest answer that is reckoned with where nothing is known of earlier ones.
SHORT_ANSWER_TOKENS = 16
# What frames a prompt on its way (roles and separators), which no count of its text knows.
FRAME_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Range:
    """What one row may cost in US dollars."""

    low_usd: Decimal
    expected_usd: Decimal
    high_usd: Decimal


@dataclass(frozen=True, slots=True)
class RowEstimate:
    """One row, asked alone and in its vendor's batch. None where that has no price, or there is no such batch."""

    tokens_in: int
    local: Range | None = None
    native: Range | None = None


@dataclass(frozen=True, slots=True)
class AnswerLength:
    """How long an answer may be, in tokens."""

    low: int
    expected: int
    high: int


def answer_length(cap: int, template: Lengths | None, model: Lengths | None) -> AnswerLength:
    """From earlier answers to the same template, else from any by the model, else from the cap alone."""
    earlier = template or model
    if earlier is None:
        return AnswerLength(min(cap, SHORT_ANSWER_TOKENS), cap, cap)
    return AnswerLength(min(cap, earlier.low), min(cap, earlier.mean), cap)


def estimate_row(shape: RowProfile, tokens_in: int, answer: AnswerLength) -> RowEstimate:
    """What a prompt of so many tokens may cost with an answer of that length."""
    batched = "batch" in shape.serving.model.features
    native = _range(shape, tokens_in, answer, batch=True) if batched else None
    return RowEstimate(tokens_in, _range(shape, tokens_in, answer), native)


@dataclass(slots=True)
class Sum:
    """The rows that go one way, exact to the last digit.

    `reusing_usd` is what is expected when those that are answered already are not sent again.
    """

    rows: int = 0
    low_usd: Decimal = Decimal(0)
    expected_usd: Decimal = Decimal(0)
    high_usd: Decimal = Decimal(0)
    reusing_usd: Decimal = Decimal(0)

    def add(self, row: Range, *, answered: bool) -> None:
        self.rows += 1
        self.low_usd += row.low_usd
        self.expected_usd += row.expected_usd
        self.high_usd += row.high_usd
        self.reusing_usd += Decimal(0) if answered else row.expected_usd


@dataclass(slots=True)
class Total:
    """All rows together: one after the other from here, or by their vendors' batches. Without a price, in no sum."""

    rows: int = 0
    local: Sum = field(default_factory=Sum)
    native: dict[str, Sum] = field(default_factory=dict)

    def add(self, provider: str, row: RowEstimate, *, answered: bool = False) -> None:
        self.rows += 1
        if row.local is not None:
            self.local.add(row.local, answered=answered)
        if row.native is not None:
            self.native.setdefault(provider, Sum()).add(row.native, answered=answered)

    @property
    def native_usd(self) -> Decimal | None:
        """Expected by the vendors' batches; None unless they take every row."""
        if sum(each.rows for each in self.native.values()) < self.rows:
            return None
        return sum((each.expected_usd for each in self.native.values()), Decimal(0))

    def kept(self) -> Mapping[str, str]:
        """As it is kept with a job: text, so that no digit is lost, by the wire's names."""
        known = {
            "totalUSD": self.local.expected_usd,
            "lowUSD": self.local.low_usd,
            "highUSD": self.local.high_usd,
            "nativeUSD": self.native_usd,
        }
        return {name: format(usd, "f") for name, usd in known.items() if usd is not None}


def _range(shape: RowProfile, tokens_in: int, answer: AnswerLength, *, batch: bool = False) -> Range | None:
    costs = [
        _cost(shape, tokens_in, tokens, batch=batch) for tokens in (answer.low, answer.expected, answer.high)
    ]
    low, expected, high = costs
    return None if low is None or expected is None or high is None else Range(low, expected, high)


def _cost(shape: RowProfile, tokens_in: int, tokens_out: int, *, batch: bool) -> Decimal | None:
    usage = Usage(in_uncached=tokens_in, out_visible=tokens_out, prompt_total=tokens_in)
    cost = pricing.cost(usage, shape.price, batch=batch)
    return None if isinstance(cost, pricing.Unpriced) else cost.total_usd
