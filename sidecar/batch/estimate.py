"""What rows may cost, before anything is sent: low, expected, high, and with the vendors' batch discount.

Rows are counted and priced one after the other; how long answers to a template were is looked up once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sidecar.batch.expectation import (
    AnswerLength,
    answer_length,
    expected_searches,
    expected_usd,
    prior_tokens,
)
from sidecar.batch.row import Row
from sidecar.batch.validation import RowProfile
from sidecar.money import cost_range
from sidecar.money.cost_range import assumptions, most_tokens
from sidecar.money.tokens import COUNTER, TokenCounter, counts_exactly
from sidecar.store import answers
from sidecar.store.job_records import Lengths, Mode
from sidecar.store.store import Store

# What frames a prompt on its way (roles and separators), which no count of its text knows.
FRAME_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Range:
    """What one row may cost in US dollars. `high_usd` is the most that asking it once costs, which is held back for it.

    `most_usd` is that of every time that it may be asked: before each further one the budget is asked anew.
    """

    low_usd: Decimal
    expected_usd: Decimal
    high_usd: Decimal
    most_usd: Decimal


@dataclass(frozen=True, slots=True)
class RowEstimate:
    """One row, asked alone and in its vendor's batch. None where that has no price, or there is no such batch."""

    tokens_in: int
    local: Range | None = None
    native: Range | None = None


@dataclass(frozen=True, slots=True)
class PromptSize:
    """The tokens of a prompt, as many as they are thought to be, and between what they are."""

    least: int
    expected: int
    most: int


def estimate_row(shape: RowProfile, prompt: PromptSize, answer: AnswerLength) -> RowEstimate:
    """What a prompt of that size may cost with an answer of that length."""
    batched = "batch" in shape.serving.model.features
    native = _range(shape, prompt, answer, batch=True) if batched else None
    return RowEstimate(prompt.expected, _range(shape, prompt, answer), native)


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
        self.high_usd += row.most_usd
        self.reusing_usd += Decimal(0) if answered else row.expected_usd


@dataclass(slots=True)
class Total:
    """All rows together: one after the other from here, or by their vendors' batches. Without a price, in no sum."""

    rows: int = 0
    local: Sum = field(default_factory=Sum)
    native: dict[str, Sum] = field(default_factory=dict)
    # A row of a model whose vendor's batch has no price goes there by the price of one that is asked alone.
    sent: Sum = field(default_factory=Sum)

    def add(self, provider: str, row: RowEstimate, *, answered: bool = False) -> None:
        self.rows += 1
        if row.local is not None:
            self.local.add(row.local, answered=answered)
        if row.native is not None:
            self.native.setdefault(provider, Sum()).add(row.native, answered=answered)
        way = row.native or row.local
        if way is not None:
            self.sent.add(way, answered=answered)

    @property
    def native_usd(self) -> Decimal | None:
        """Expected by the vendors' batches; None unless they take every row."""
        if sum(each.rows for each in self.native.values()) < self.rows:
            return None
        return sum((each.expected_usd for each in self.native.values()), Decimal(0))

    def kept(self, mode: Mode, *, canary: bool = False) -> Mapping[str, str]:
        """As it is kept with a job that goes this way: text, so that no digit is lost, by the wire's names.

        With a `canary` some of the rows that a vendor is to run are asked from here first: nobody has chosen them yet.
        """
        way = self.sent if mode == "native" else self.local
        known = {
            "totalUSD": way.expected_usd,
            "lowUSD": way.low_usd,
            "highUSD": max(self.local.high_usd, way.high_usd) if canary else way.high_usd,
            "nativeUSD": self.native_usd,
        }
        return {name: format(usd, "f") for name, usd in known.items() if usd is not None}


def _range(
    shape: RowProfile, prompt: PromptSize, answer: AnswerLength, *, batch: bool = False
) -> Range | None:
    longest = shape.frame_tokens + prompt.most
    expected = expected_usd(shape, prompt.expected, answer, batch=batch)
    if expected is None:
        return None
    prices = (shape.price, *shape.later_prices)
    highs = [cost_range.highest(each, longest, answer.high, shape.extras, batch=batch) for each in prices]
    lows = [cost_range.lowest(each, prompt.least, batch=batch) for each in prices]
    high = max((usd for usd in highs if usd is not None), default=expected)
    low = min((usd for usd in lows if usd is not None), default=expected)
    # Rows of a vendor's batch are asked once.
    most = high * (1 if batch else shape.attempts)
    return Range(low, min(max(low, expected), high), high, most)


# Templates, and prices, that are remembered; rows without data are each a template of its own.
MOST_TEMPLATES = 10_000


class Estimator:
    """Estimates the rows of one project; None stands for a project that is not known.

    `assumptions` are sentences about what the estimates rest on that is not known, each once.
    """

    def __init__(self, store: Store, project_id: str | None, counter: TokenCounter = COUNTER) -> None:
        self._store = store
        self._project_id = project_id
        self._counter = counter
        self.assumptions: dict[str, None] = {}
        self._by_template: dict[tuple[str, str], Lengths | None] = {}
        self._by_model: dict[str, Lengths | None] = {}
        # By the profile's identity, which lasts as long as it is kept here.
        self._priced: dict[tuple[int, PromptSize, AnswerLength], tuple[RowProfile, RowEstimate]] = {}

    async def estimate(self, row: Row, shape: RowProfile, prompt: str) -> RowEstimate:
        """`prompt` is the row's with its variables filled in."""
        name = shape.serving.model.full_id
        texts = [text for text in (prompt, row.filled_system(), row.fields.get("developer")) if text]
        counted = sum([await self._counter.count(text, name) for text in texts])
        exact, answer = counts_exactly(name), await self._answer(row, shape)
        most = counted if exact else sum(map(most_tokens, texts))
        least = counted if exact else counted // cost_range.GUESSED_LOW
        size = PromptSize(least, counted + FRAME_TOKENS, most + FRAME_TOKENS)
        self._assume(shape, answer, exact=exact)
        # Rows of a table are of a few lengths, and pricing one takes longer than all else.
        key = id(shape), size, answer
        known = self._priced.get(key)
        if known is None:
            if len(self._priced) >= MOST_TEMPLATES:
                self._priced.clear()
            known = self._priced[key] = shape, estimate_row(shape, size, answer)
        return known[1]

    def _assume(self, shape: RowProfile, answer: AnswerLength, *, exact: bool) -> None:
        model = shape.serving.model
        told = assumptions(
            shape.extras,
            counted_exactly=exact,
            model=model,
            attempts=shape.attempts,
            later=shape.later_prices,
        )
        if not answer.learnt:
            prior = min(shape.cap, prior_tokens(shape))
            assumed = f"answers of {prior:,} tokens and no cache are assumed"
            told = (*told, f"{model.name}: {assumed}, because this project has no answers by it yet.")
        if shape.extras.searches and answer.searched is None:
            each = expected_searches(shape, answer)
            assumed = (
                f"{model.name}: one search an answer, with {each.prompt_tokens:,} tokens, is expected, because this "
                "project has no answers by it yet that searched."
            )
            told = (*told, assumed)
        self.assumptions.update(dict.fromkeys(told))

    async def _answer(self, row: Row, shape: RowProfile) -> AnswerLength:
        asked, served = shape.serving.asked_id, shape.serving.model.full_id
        if self._project_id is None:
            return answer_length(shape.cap, None, None, prior_tokens(shape))
        key = (row.template, asked)
        if key not in self._by_template:
            if len(self._by_template) >= MOST_TEMPLATES:
                self._by_template.clear()
            self._by_template[key] = await self._lengths(row.template, asked)
        if self._by_template[key] is None and served not in self._by_model:
            self._by_model[served] = await self._lengths(None, served)
        return answer_length(
            shape.cap, self._by_template[key], self._by_model.get(served), prior_tokens(shape)
        )

    async def _lengths(self, template: str | None, model: str) -> Lengths | None:
        return await self._store.read(answers.lengths, self._project_id or "", template, model)


@dataclass(frozen=True, slots=True)
class ExecutionOption:
    """A way to run rows: from here at once, or by a provider's batch, which it ends within so many hours, if told."""

    mode: Mode
    sum: Sum
    provider: str | None = None
    within_hours: int | None = None


@dataclass(frozen=True, slots=True)
class EstimateCounts:
    """How many rows there are, and of how many of them something is to be said."""

    rows: int = 0
    answered: int = 0
    unpriced: int = 0
    unfilled: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What rows may cost: each with its id, all together, and by each way there is. Without a price, in no sum.

    `answered` are the ids of those that the project has an answer to; `unfilled` have each a sentence, and no price.
    The lists may be cut; the counts are of all rows.
    """

    rows: Sequence[tuple[str, RowEstimate]]
    total: Total
    ways: Sequence[ExecutionOption]
    answered: Sequence[str]
    unpriced: Sequence[str]
    unfilled: Sequence[tuple[str, str]]
    counts: EstimateCounts
    assumptions: Sequence[str] = ()
