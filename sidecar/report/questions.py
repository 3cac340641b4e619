"""Rows of batches as questions with an answer a column: the same question to several models is one line (pure)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sidecar.store.job_records import Job, JobRow

MOST_QUESTIONS = 50_000


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A model in a job. `label` names it, with the job where the model stands in several."""

    job_id: str
    model: str
    label: str


@dataclass(slots=True)
class ReportQuestion:
    """What was asked, and the rows that asked it by their column. `key` is the id of its first row."""

    key: str
    prompt: str
    data: Mapping[str, Any]
    rows: dict[int, JobRow] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether a row of it ended without an answer."""
        return any(row.status.startswith("error") for row in self.rows.values())

    @property
    def different(self) -> bool:
        """Whether not all answers say the same in the same words; capitals and white space are no difference."""
        said = {
            " ".join((row.response or "").casefold().split()) for row in self.rows.values() if row.response
        }
        return len(said) > 1


@dataclass(slots=True)
class Questions:
    """All of them, in the order of the rows. `left_out` questions are not in it, because a page holds so many."""

    columns: list[ReportColumn]
    questions: list[ReportQuestion]
    left_out: int = 0

    @property
    def checks(self) -> list[str]:
        """The names of the checks, in the order in which they come."""
        found: dict[str, None] = {}
        for question in self.questions:
            for row in question.rows.values():
                found |= dict.fromkeys(str(each["name"]) for each in row.verdicts or ())
        return list(found)


def gather(jobs: Sequence[Job], rows: Iterable[tuple[Job, JobRow]], most: int = MOST_QUESTIONS) -> Questions:
    """Return the questions of these rows, which come job by job in their order.

    The same question asked twice of one model makes two lines. `most` bounds how many questions are kept.
    """
    places: dict[tuple[str, str], int] = {}
    lines: dict[tuple[str, str, int], ReportQuestion] = {}
    asked: defaultdict[tuple[int, str, str], int] = defaultdict(int)
    left: set[tuple[str, str, int]] = set()
    for job, row in rows:
        request = row.request or {}
        model = str(row.model or request.get("model") or "")
        place = places.setdefault((job.id, model), len(places))
        system = str(request.get("system") or "")
        number = asked[place, row.prompt, system]
        asked[place, row.prompt, system] += 1
        key = (row.prompt, system, number)
        line = lines.get(key)
        if line is None:
            if len(lines) >= most:
                left.add(key)
                continue
            data = request.get("data") if row.request is not None else row.data
            shown = str(request.get("id") or row.id.removeprefix(f"{job.id}/"))
            # Rows of a file that was read for several models are named after them.
            shown = shown.removesuffix(f"@{request.get('model')}") or shown
            line = lines[key] = ReportQuestion(shown, row.prompt, data if isinstance(data, dict) else {})
        line.rows[place] = row
    return Questions(_columns(jobs, places), list(lines.values()), len(left))


def _columns(jobs: Sequence[Job], places: Mapping[tuple[str, str], int]) -> list[ReportColumn]:
    names = {job.id: job.file_name or job.id[:8] for job in jobs}
    # Two jobs out of the same file are told apart by their ids.
    twice = {name for name in names.values() if list(names.values()).count(name) > 1}
    models = [model for _, model in places]
    return [
        ReportColumn(
            job_id,
            model,
            model
            if models.count(model) == 1
            else f"{model} · {names[job_id]}" + (f" ({job_id[:8]})" if names[job_id] in twice else ""),
        )
        for job_id, model in places
    ]
