"""Takes rows in: checks every one, stores them all or none, and says what rows may cost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sidecar import clock
from sidecar.batch.appraise import Appraiser
from sidecar.batch.check import MOST_ISSUES, Checker, Shape, missing_keys
from sidecar.batch.engine import refuse_missing_keys
from sidecar.batch.estimate import RowEstimate, Total
from sidecar.batch.row import Row
from sidecar.errors import Failure
from sidecar.keys import Keys
from sidecar.money.catalogue import Catalogue
from sidecar.providers.base import Providers
from sidecar.session import Session
from sidecar.settings import Settings
from sidecar.store import job_rows, jobs, projects
from sidecar.store.job_records import Job, Mode, NewRow
from sidecar.store.store import Store

# Rows between two turns of the loop, and rows that are written at once.
ROWS_A_TURN = 50
ROWS_A_WRITE = 1_000


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What rows may cost: each with its id, and all together. A row without a price is in no sum."""

    rows: Sequence[tuple[str, RowEstimate]]
    total: Total


class Intake:
    """Checks, estimates and stores batches. Nothing is sent by it."""

    def __init__(
        self,
        *,
        store: Store,
        catalogue: Catalogue,
        providers: Providers,
        keys: Keys,
        settings: Settings,
        session: Session,
        new_id: Callable[[], str],
        now_ms: clock.Now,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._providers = providers
        self._keys = keys
        self._settings = settings
        self._session = session
        self._new_id = new_id
        self._now_ms = now_ms

    async def submit(
        self, project_id: str, given: Sequence[Mapping[str, Any]], file_name: str, mode: Mode = "local"
    ) -> Job:
        """The job, stored with all its rows and its estimate.

        Raises Failure and stores nothing: "not_found", "invalid_params" with an issue for each row that cannot be
        asked, "missing_api_key".
        """
        if await self._store.read(projects.get, project_id) is None:
            raise _unknown_project()
        rows = [Row(each) for each in with_ids(given)]
        checker = await self._checker()
        refuse_issues(await self._issues(checker, rows))
        providers = {checker.shape(row).provider for row in rows}
        refuse_missing_keys(await missing_keys(providers, self._providers, self._keys))
        job = Job(self._new_id(), project_id, self._now_ms(), file_name, mode=mode, total_rows=len(rows))
        stored = await self._store_all(job, rows, checker)
        await self._session.name_project(project_id)
        return stored

    async def estimate(self, given: Sequence[Mapping[str, Any]]) -> Appraisal:
        """What the rows may cost. Raises Failure("invalid_params") for rows that cannot be asked."""
        rows = [Row(each) for each in with_ids(given)]
        checker = await self._checker()
        refuse_issues(await self._issues(checker, rows))
        appraiser = Appraiser(self._store, await self._store.read(self._session.open_project))
        total, found = Total(), []
        async for row in _in_turns(rows):
            estimated = await appraiser.estimate(row, checker.shape(row), row.filled_prompt())
            total.add(estimated)
            found.append((row.id, estimated))
        return Appraisal(found, total)

    async def _checker(self) -> Checker:
        return await Checker.of(self._catalogue, self._providers, self._settings, self._now_ms)

    async def _issues(self, checker: Checker, rows: Sequence[Row]) -> list[dict[str, str]]:
        issues: list[dict[str, str]] = []
        index = -1
        async for row in _in_turns(rows):
            index += 1
            problem = checker.problem(row)
            if problem is not None:
                issues.append({"path": f"rows.{index}.{problem[0]}", "message": problem[1]})
                if len(issues) >= MOST_ISSUES:
                    break
        return issues

    async def _store_all(self, job: Job, rows: Sequence[Row], checker: Checker) -> Job:
        await self._store.write(_open, job)
        try:
            appraiser, total = Appraiser(self._store, job.project_id), Total()
            taken: set[str] = set()
            index = 0
            while chunk := list(islice(rows, index, index + ROWS_A_WRITE)):
                made: list[NewRow] = []
                async for row in _in_turns(chunk):
                    shape = checker.shape(row)
                    prompt = row.filled_prompt()
                    estimated = await appraiser.estimate(row, shape, prompt)
                    total.add(estimated)
                    made.append(_new_row(job, index, row, shape, prompt, estimated, taken))
                    index += 1
                await self._store.write(job_rows.insert_many, job.id, made)
            return await self._store.write(_close, job.id, total.kept())
        except BaseException:
            # Nobody was told of it. What is left by a crash is removed at the next start.
            await asyncio.shield(self._store.write(jobs.delete, job.id))
            raise


def with_ids(given: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The rows with an id each: their own, or one by their place."""
    for number, row in enumerate(given, 1):
        yield row if row.get("id") else {"id": f"row-{number}", **{k: v for k, v in row.items() if k != "id"}}


def row_key(job_id: str, row_id: str) -> str:
    """The id of a row in the database: clients number theirs anew in every batch."""
    return f"{job_id}/{row_id}"


def refuse_issues(issues: list[dict[str, str]]) -> None:
    """Raises Failure("invalid_params") when there are any."""
    if not issues:
        return
    most = "At least " if len(issues) >= MOST_ISSUES else ""
    rows = "row" if len(issues) == 1 else "rows"
    first = issues[0]
    number = int(first["path"].split(".")[1]) + 1
    raise Failure(
        "invalid_params",
        f"{most}{len(issues)} {rows} cannot be sent; row {number}: {first['message']}".strip()
        + ("" if first["message"].endswith(".") else ".")
        + " Correct them and submit the batch again; nothing was sent or paid.",
        issues=issues,
    )


def _new_row(
    job: Job, index: int, row: Row, shape: Shape, prompt: str, estimated: RowEstimate, taken: set[str]
) -> NewRow:
    key = row_key(job.id, row.id)
    native_high = estimated.native_high_usd if job.mode == "native" else None
    if key in taken:
        key = f"{key}#{index}"
    taken.add(key)
    return NewRow(
        id=key,
        row_index=index,
        request=row.given,
        prompt=prompt,
        provider=shape.provider,
        model=shape.serving.asked_id,
        template=row.template,
        reserve_usd=estimated.high_usd if native_high is None else native_high,
    )


def _open(conn: sqlite3.Connection, job: Job) -> None:
    if projects.get(conn, job.project_id) is None:
        raise _unknown_project()
    jobs.create(conn, job, storing=True)


def _close(conn: sqlite3.Connection, job_id: str, estimate: Mapping[str, str]) -> Job:
    jobs.keep_estimate(conn, job_id, estimate)
    job = jobs.stored(conn, job_id)
    if job is None:
        raise _unknown_project()
    return job


def _unknown_project() -> Failure:
    return Failure(
        "not_found",
        "There is no such project to put the batch in; it may have been deleted. Choose another one.",
    )


async def _in_turns(rows: Iterable[Row]) -> Any:
    """The rows, with a turn for everybody else after every few."""
    for number, row in enumerate(rows, 1):
        yield row
        if number % ROWS_A_TURN == 0:
            await asyncio.sleep(0)
