"""Takes rows in: checks every one, stores them all or none, and says what rows may cost.

Rows are gone through a chunk at a time, first to be checked and then again to be stored: a file of them need not be
held in memory.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence, Set
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sidecar.batch.estimate import Estimate, EstimateCounts, Estimator, ExecutionOption, RowEstimate, Total
from sidecar.batch.row import Row
from sidecar.batch.row_input import GivenRows, Numbered, RowSource, in_turns, refuse_issues
from sidecar.batch.scoring import Scorer
from sidecar.batch.stored_rows import Recalled, add_rows, close_job, new_row, open_job, unknown_project
from sidecar.batch.validation import MOST_ISSUES, RowValidator, refuse_missing_keys
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.store import answers, jobs, projects
from sidecar.store.job_records import Job, Mode, NewRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Checked:
    """Rows that can all be asked: how many, and whose."""

    rows: int
    providers: Set[str]
    # Whether some of them have checks of their own.
    rows_check: bool


class BatchSubmission:
    """Checks, estimates and stores batches. Nothing is sent by it. `scorer` judges their answers."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.scorer = Scorer(core)
        self._store = core.store
        self._providers = core.providers
        self._session = core.session
        self._now_ms = core.now_ms
        # What the disk did not let be removed again.
        self._half_stored = set[str]()

    async def submit(
        self,
        project_id: str,
        given: Sequence[Mapping[str, Any]] | RowSource,
        file_name: str,
        mode: Mode = "local",
        *,
        reuse: bool = False,
        checks: Sequence[Mapping[str, Any]] = (),
        canary: bool = False,
        refuse: Callable[[Iterable[str]], None] = lambda models: None,
    ) -> Job:
        """The job, stored with all its rows and its estimate. Rows that cannot be filled in have failed already.

        With `reuse`, rows that the project has an answer to are given it: they have ended, and cost nothing. `checks`
        are what answers will be held against, as the wire has them. `canary`: some rows of a native job run from here
        first. `refuse` is given the models and may raise.

        Raises Failure and stores nothing: "not_found", "invalid_params" with an
        issue for each row that cannot be asked, "missing_api_key", and "conflict" when a native job would have
        nothing to send.
        """
        if await self._store.read(projects.get, project_id) is None:
            raise unknown_project()
        await self.scorer.read(checks)
        source = _source(given)
        checker = await self._checker()
        checked = await self._check(checker, source, refuse)
        if not reuse:
            await self._refuse_missing_keys(checked.providers)
        job = Job(
            self._core.new_id(),
            project_id,
            self._now_ms(),
            file_name,
            mode=mode,
            total_rows=checked.rows,
            checks=list(checks) if checks or checked.rows_check else None,
        )
        stored = await self._store_all(job, source, checker, reuse=reuse, canary=canary)
        await self._session.name_project(project_id)
        return stored

    async def estimate(
        self,
        given: Sequence[Mapping[str, Any]] | RowSource,
        project_id: str | None = None,
        *,
        listed: int | None = None,
    ) -> Estimate:
        """What the rows may cost in a project; None is the open one. Each list of rows ends after `listed`.

        Raises Failure: "not_found", "invalid_params" for rows that cannot be asked.
        """
        if project_id is not None and await self._store.read(projects.get, project_id) is None:
            raise unknown_project()
        source = _source(given)
        checker = await self._checker()
        await self._check(checker, source)
        project_id = project_id or await self._store.read(self._session.open_project)
        appraiser = Estimator(self._store, project_id)
        total, found, answered = Total(), _Listed[tuple[str, RowEstimate]](listed), _Listed[str](listed)
        unpriced, unfilled = _Listed[str](listed), _Listed[tuple[str, str]](listed)
        async with aclosing(source.chunks()) as read:
            async for chunk in read:
                recalled = await self._recalled(project_id, chunk, checker)
                async for place, (_, row) in in_turns(chunk):
                    if (problem := row.unfilled()) is not None:
                        unfilled.add((row.id, problem[1]))
                        continue
                    shape, known = checker.shape(row), recalled[place].answer is not None
                    estimated = await appraiser.estimate(row, shape, row.filled_prompt())
                    total.add(shape.provider, estimated, answered=known)
                    found.add((row.id, estimated))
                    if estimated.local is None:
                        unpriced.add(row.id)
                    if known:
                        answered.add(row.id)
        counts = EstimateCounts(found.count, answered.count, unpriced.count, unfilled.count)
        return Estimate(
            found.kept,
            total,
            self._ways(total),
            answered.kept,
            unpriced.kept,
            unfilled.kept,
            counts,
            tuple(appraiser.assumptions),
        )

    def _ways(self, total: Total) -> list[ExecutionOption]:
        ways = [ExecutionOption("local", total.local)]
        for provider, rows in sorted(total.native.items()):
            # A model of the person's own may say so of a server that has no batch API.
            with suppress(Failure):
                self._providers.batch(provider)
                hours = self._providers.batch_hours(provider)
                ways.append(ExecutionOption("native", rows, provider, hours))
        return ways

    async def _recalled(
        self, project_id: str | None, rows: Sequence[Numbered], checker: RowValidator
    ) -> list[Recalled]:
        """What each of the rows asks, with the answer that the project has to it."""
        questions = [checker.question(row, row.filled_prompt()) async for _, (_, row) in in_turns(rows)]
        known = await self._store.read(answers.earlier, project_id, questions)
        return [Recalled(question, known.get(question)) for question in questions]

    async def _refuse_missing_keys(self, providers: Set[str]) -> None:
        await refuse_missing_keys(providers, self._providers, self._core.keys)

    async def _checker(self) -> RowValidator:
        await self._core.catalogue_whole()
        return await RowValidator.of(self._core)

    async def _check(
        self,
        checker: RowValidator,
        source: RowSource,
        refuse: Callable[[Iterable[str]], None] = lambda models: None,
    ) -> _Checked:
        """Raises Failure("invalid_params") for rows that can never be asked, and when no row can be filled in."""
        issues: list[dict[str, str]] = []
        wrong, found, rows = False, 0, 0
        models, providers, looked_at = dict[str, None](), set[str](), set[str]()
        async with aclosing(_one_by_one(source)) as read:
            async for number, row in read:
                rows += 1
                models[row.model] = None
                problem = checker.problem(row) or await self._check_problem(row, looked_at)
                if problem is None:
                    providers.add(checker.shape(row).provider)
                wrong = wrong or problem is not None
                problem = problem or row.unfilled()
                if problem is not None:
                    found += 1
                    if len(issues) < MOST_ISSUES:
                        issues.append({"path": f"rows.{number - 1}.{problem[0]}", "message": problem[1]})
                    elif wrong:
                        break
        refuse(models)
        if wrong or found == rows:
            refuse_issues(issues)
        return _Checked(rows, providers, bool(looked_at))

    async def _check_problem(self, row: Row, looked_at: set[str]) -> tuple[str, str] | None:
        """What is wrong with the row's own checks. Those of which nothing was wrong are looked at once."""
        for number, spec in enumerate(row.fields.get("checks") or ()):
            name = json.dumps(spec, sort_keys=True)
            if name not in looked_at:
                problem = await self.scorer.problem(spec)
                if problem is not None:
                    return f"checks.{number}.{problem[0]}", problem[1]
                looked_at.add(name)
        return None

    async def _store_all(
        self, job: Job, source: RowSource, checker: RowValidator, *, reuse: bool, canary: bool
    ) -> Job:
        left = tuple(self._half_stored)
        await self._store.write(open_job, job, left)
        self._half_stored.difference_update(left)
        try:
            appraiser, total = Estimator(self._store, job.project_id), Total()
            needed, index = set[str](), 0
            # A million ids take a hundred megabytes and more.
            taken = None if source.ids_are_unique else set[str]()
            async with aclosing(source.chunks()) as read:
                async for chunk in read:
                    recalled = await self._recalled(job.project_id, chunk, checker) if reuse else None
                    made: list[NewRow] = []
                    async for place, (_, row) in in_turns(chunk):
                        shape, prompt, problem = checker.shape(row), row.filled_prompt(), row.unfilled()
                        known = recalled[place] if recalled and problem is None else Recalled()
                        estimated = None
                        if known.answer is None and problem is None:
                            estimated = await appraiser.estimate(row, shape, prompt)
                            total.add(shape.provider, estimated)
                            needed.add(shape.provider)
                        new = new_row(job, index, row, shape, prompt, estimated, known, taken)
                        made.append(new if problem is None else replace(new, error_message=problem[1]))
                        index += 1
                    await self._store.write(add_rows, job.id, made, self._now_ms())
            # Rows that are answered already need no key.
            await self._refuse_missing_keys(needed)
            if job.mode == "native" and not total.rows:
                raise _nothing_to_send()
            return await self._store.write(close_job, job.id, total.kept(job.mode, canary=canary))
        except BaseException:
            # Nobody was told of it. What is left by a crash is removed at the next start, and what a full disk does not
            # let go of by the next submission, at the latest.
            self._half_stored.add(job.id)
            with suppress(Failure):
                await asyncio.shield(self._store.write(jobs.delete, job.id))
                self._half_stored.discard(job.id)
            raise


class _Listed(Generic[T]):
    """The first of many, and how many they are."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self.kept: list[T] = []
        self.count = 0

    def add(self, item: T) -> None:
        self.count += 1
        if self._most is None or self.count <= self._most:
            self.kept.append(item)


def _source(given: Sequence[Mapping[str, Any]] | RowSource) -> RowSource:
    return GivenRows(given) if isinstance(given, Sequence) else given


async def _one_by_one(source: RowSource) -> AsyncGenerator[Numbered, None]:
    async with aclosing(source.chunks()) as read:
        async for chunk in read:
            async for _, numbered in in_turns(chunk):
                yield numbered


def _nothing_to_send() -> Failure:
    return Failure(
        "conflict",
        "This project has an answer to every one of these rows already, so there is nothing to send. "
        "Submit them as a local batch that reuses answers: it costs nothing and has them all.",
    )
