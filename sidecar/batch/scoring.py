"""Holds the answers of a batch against its checks, once they are stored and somebody looks at them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sidecar.batch import checks
from sidecar.batch.checks import AnswerCheck, Verdict
from sidecar.batch.job_turns import KeyedLock
from sidecar.chat.json_output.schema import read_schema
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.store import verdicts
from sidecar.store.job_records import Job
from sidecar.store.verdicts import Unjudged

log = logging.getLogger("sidecar.batch")

PAGE_ROWS = 200
MOST_PATTERN_LETTERS = 2_000
# A pattern that took too long so often is held against no further answer of that look.
MOST_OVERRUNS = 3
TOO_LONG = "Could not be decided: the pattern takes too long. Simplify it."


class Scorer:
    """Judges answers. Nothing is paid by it, and what was judged once is kept."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._checker = core.checker
        self._locks = KeyedLock()

    async def read(self, specs: Sequence[Mapping[str, Any]]) -> None:
        """Look through checks before they are kept. Raises Failure("invalid_params") that names the wrong one."""
        for number, spec in enumerate(specs):
            problem = await self.problem(spec)
            if problem is not None:
                member, message = problem
                raise Failure(
                    "invalid_params",
                    message,
                    issues=[{"path": f"checks.{number}.{member}", "message": message}],
                )

    async def problem(self, spec: Mapping[str, Any]) -> tuple[str, str] | None:
        """What keeps a check from being one: the member, and a sentence."""
        return checks.problem(spec) or await self._hidden_problem(spec)

    async def judge(self, job: Job) -> None:
        """Hold what was answered since the last time against the job's checks and the rows' own."""
        wanted, after = checks.read(job.checks or ()), -1
        overruns: dict[str, int] = {}
        async with self._locks.of(job.id):
            while rows := await self._store.read(verdicts.unjudged, job.id, after, PAGE_ROWS):
                after = rows[-1].row_index
                found = [await self._decided(check, rows, overruns) for check in wanted]
                judged = []
                for number, row in enumerate(rows):
                    own = [
                        await self._decided(each, [row], overruns) for each in checks.read(row.checks, wanted)
                    ]
                    came = [column[number] for column in found] + [each[0] for each in own]
                    judged.append((row.row_id, row.response, [each.stored() for each in came]))
                await self._store.write(verdicts.keep, judged)

    async def _decided(
        self, check: AnswerCheck, rows: Sequence[Unjudged], overruns: dict[str, int]
    ) -> list[Verdict]:
        if check.kind == "regex":
            return await self._searched(check, rows, overruns)
        if check.kind == "json-schema":
            schema = read_schema(check.spec["schema"])
            problems = [await self._checker.problem(row.response, schema, None) for row in rows]
            return [
                checks.verdict(check, problem is None, "" if problem is None else problem.message)
                for problem in problems
            ]
        return [checks.decide(check, row.response, row.data) for row in rows]

    async def _searched(
        self, check: AnswerCheck, rows: Sequence[Unjudged], overruns: dict[str, int]
    ) -> list[Verdict]:
        found = await self._search(check, [row.response for row in rows], overruns)
        if found is not None:
            return [checks.verdict(check, each, "Does not match the pattern.") for each in found]
        # One of them takes too long: it is found, and the others are decided.
        one_by_one = [await self._search(check, [row.response], overruns) for row in rows]
        return [
            Verdict(check.name, False, TOO_LONG)
            if each is None
            else checks.verdict(check, each[0], "Does not match the pattern.")
            for each in one_by_one
        ]

    async def _search(
        self, check: AnswerCheck, texts: list[str], overruns: dict[str, int]
    ) -> list[bool] | None:
        if overruns.get(check.name, 0) >= MOST_OVERRUNS:
            return None
        ignore_case = bool(check.spec.get("ignoreCase"))
        found = await self._checker.search(str(check.spec["pattern"]), texts, ignore_case=ignore_case)
        if found is None:
            overruns[check.name] = overruns.get(check.name, 0) + 1
        return found

    async def _hidden_problem(self, spec: Mapping[str, Any]) -> tuple[str, str] | None:
        try:
            if spec["type"] == "json-schema":
                read_schema(spec["schema"])
            elif spec["type"] == "regex":
                if len(spec["pattern"]) > MOST_PATTERN_LETTERS:
                    return (
                        "pattern",
                        f"This pattern is longer than {MOST_PATTERN_LETTERS:,} letters. Shorten it.",
                    )
                if await self._checker.search(spec["pattern"], [], ignore_case=False) is None:
                    return "pattern", "This pattern takes too long to be read. Simplify it."
        except Failure as failure:
            return ("schema" if spec["type"] == "json-schema" else "pattern"), failure.message
        return None
