"""Counts and prices rows one after the other, looking up once for each template how long answers to it were."""

from __future__ import annotations

from sidecar.batch.estimate import (
    FRAME_TOKENS,
    AnswerLength,
    RowEstimate,
    answer_length,
    estimate_row,
    prior_tokens,
)
from sidecar.batch.row import Row
from sidecar.batch.validation import RowProfile
from sidecar.money.cost_range import assumptions
from sidecar.money.tokens import COUNTER, TokenCounter, counts_exactly
from sidecar.store import answers
from sidecar.store.job_records import Lengths
from sidecar.store.store import Store

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
        self._priced: dict[tuple[int, int, AnswerLength, bool], tuple[RowProfile, RowEstimate]] = {}

    async def estimate(self, row: Row, shape: RowProfile, prompt: str) -> RowEstimate:
        """`prompt` is the row's with its variables filled in."""
        name = shape.serving.model.full_id
        tokens = FRAME_TOKENS
        for text in (prompt, row.filled_system(), row.fields.get("developer")):
            if text:
                tokens += await self._counter.count(text, name)
        exact, answer = counts_exactly(name), await self._answer(row, shape)
        self._assume(shape, exact=exact, learnt=answer.learnt)
        # Rows of a table are of a few lengths, and pricing one takes longer than all else.
        key = id(shape), tokens, answer, exact
        known = self._priced.get(key)
        if known is None:
            if len(self._priced) >= MOST_TEMPLATES:
                self._priced.clear()
            known = self._priced[key] = shape, estimate_row(shape, tokens, answer, exact=exact)
        return known[1]

    def _assume(self, shape: RowProfile, *, exact: bool, learnt: bool) -> None:
        model = shape.serving.model
        told = assumptions(
            shape.extras,
            counted_exactly=exact,
            model=model,
            attempts=shape.attempts,
            later=shape.later_prices,
        )
        if not learnt:
            prior = min(shape.cap, prior_tokens(shape))
            assumed = f"answers of {prior:,} tokens and no cache are assumed"
            told = (*told, f"{model.name}: {assumed}, because this project has no answers by it yet.")
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
