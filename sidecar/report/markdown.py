"""The figures of a report as Markdown, for a page of notes or a pull request (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from sidecar.counted import counted
from sidecar.report.page import ReportData
from sidecar.report.words import came_to, cost, dollars, lacking, per_answer, seconds, share

# Answers are in the tables: a page of notes is for people.
MOST_SHOWN = 20
_MOST_LETTERS = 500


def markdown(data: ReportData) -> Iterator[str]:
    """Yield the report piece by piece."""
    made = datetime.fromtimestamp(data.made_at / 1000, UTC)
    yield f"# {data.title}\n\nMade by A-B/AI on {made:%Y-%m-%d at %H:%M} UTC.\n"
    for job in data.jobs:
        yield f"\n- {_cell(job.file_name or job.id)}: {job.status}, {counted(job.total_rows, 'row')}"
        if job.estimate is not None and "totalUSD" in job.estimate:
            expected = float(job.estimate["totalUSD"])
            yield f", estimated {dollars(expected)}, came to {came_to(job)}"
    yield "\n\n## Models\n\n"
    heads = ("Model", "Answered", "Failed", "Cost", "An answer", "Median", "95th percentile", "Tokens")
    yield from _table(
        heads,
        (
            (
                each.column.label,
                share(each.answered, each.rows),
                f"{each.failed:,}",
                cost(each),
                per_answer(each),
                seconds(each.median_seconds),
                seconds(each.slow_seconds),
                f"{each.tokens_in:,} + {each.tokens_out:,}",
            )
            for each in data.figures
        ),
    )
    if told := lacking(data.figures):
        yield f"\n{told}\n"
    names = data.found.checks
    if names:
        yield "\n## Checks\n\n"
        rows = (
            (each.column.label, *(share(*each.passed.get(name, (0, 0))) for name in names))
            for each in data.figures
        )
        yield from _table(("Model", *names), rows)
    if data.board:
        yield f"\n## Votes\n\n{data.votes:,} blind votes in the project.\n\n"
        standings = (
            (
                each.model,
                f"{each.rating:.0f} ({each.low:.0f} to {each.high:.0f})",
                f"{each.wins} / {each.losses} / {each.ties}",
                "–" if each.usd_per_win is None else dollars(each.usd_per_win),
            )
            for each in data.board
        )
        yield from _table(("Model", "Rating", "Won / lost / tied", "A win"), standings)
    different = [each for each in data.found.questions if each.different]
    if different:
        asked = counted(len(data.found.questions), "question")
        yield f"\n## Where answers differ\n\n{len(different):,} of {asked}.\n\n"
        labels = [each.label for each in data.found.columns]
        shown = (
            (
                each.prompt,
                *(each.rows[n].response or "" if n in each.rows else "" for n in range(len(labels))),
            )
            for each in different[:MOST_SHOWN]
        )
        yield from _table(("Question", *labels), shown)
        if len(different) > MOST_SHOWN:
            yield f"\nAnd {len(different) - MOST_SHOWN:,} more.\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_cell, heads))} |\n|{' --- |' * len(heads)}\n"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |\n"


def _cell(text: str) -> str:
    short = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
    plain = " ".join(short.split()).replace("\\", "\\\\").replace("|", "\\|")
    return plain.replace("<", "&lt;").replace("`", "\\`")
