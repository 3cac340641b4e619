"""Reads jobs and writes their report: the page, and beside it what else is wanted, all of one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from sidecar import resources
from sidecar.batch.jobs import unknown_job
from sidecar.comparing import ballots, ratings
from sidecar.errors import Failure
from sidecar.report import wide_table, workbook
from sidecar.report.figures import figures
from sidecar.report.markdown import markdown
from sidecar.report.page import ReportData, page
from sidecar.report.questions import gather
from sidecar.store import job_rows, jobs, votes
from sidecar.store.atomic_files import target_file, write_together
from sidecar.store.background_read import scan
from sidecar.store.job_records import Job, JobRow
from sidecar.store.stoppable import Pulse
from sidecar.store.store import Store

Kind = Literal["html", "markdown", "csv", "xlsx"]

ENDINGS: dict[Kind, str] = {"html": ".html", "markdown": ".md", "csv": ".csv", "xlsx": ".xlsx"}


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of a report, by its absolute path."""

    kind: Kind
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written. `left_out` questions did not fit into the page."""

    files: tuple[WrittenFile, ...]
    questions: int
    rows: int
    left_out: int


async def write_report(
    store: Store,
    data_dir: Path,
    job_ids: Sequence[str],
    path: str,
    beside: Sequence[Kind],
    now: int,
) -> WrittenReport:
    """Write the page to `path`, and the others beside it under the same name with their endings.

    Raises Failure("not_found"), Failure("invalid_params") for a path that cannot be, Failure("storage_error").
    """

    def work(conn: sqlite3.Connection, pulse: Pulse) -> WrittenReport:
        chosen = [_job(conn, job_id) for job_id in dict.fromkeys(job_ids)]
        target = target_file(path, data_dir)
        kinds: list[Kind] = ["html", *(kind for kind in dict.fromkeys(beside) if kind != "html")]
        targets = {
            kind: target if kind == "html" else target_file(str(target.with_suffix(ENDINGS[kind])), data_dir)
            for kind in kinds
        }
        if len(set(targets.values())) < len(targets):
            message = "The page would be where a table is to be. Give it a name that ends in .html."
            raise Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
        data = _read(conn, chosen, now, pulse)
        rows = sum(each.rows for each in data.figures)
        written = write_together([(targets[kind], _producer(kind, data, pulse)) for kind in kinds])
        files = tuple(
            WrittenFile(kind, targets[kind], size) for kind, (_, size) in zip(kinds, written, strict=True)
        )
        return WrittenReport(files, len(data.found.questions), rows, data.found.left_out)

    return await scan(store, work)


def _job(conn: sqlite3.Connection, job_id: str) -> Job:
    found = jobs.get(conn, job_id)
    if found is None:
        raise unknown_job()
    return found


def _read(conn: sqlite3.Connection, chosen: Sequence[Job], now: int, pulse: Pulse) -> ReportData:
    def rows() -> Iterator[tuple[Job, JobRow]]:
        for job in chosen:
            for row in job_rows.stream(conn, job.id):
                pulse()
                yield job, row

    found = gather(chosen, rows())
    decided = [
        vote
        for project in dict.fromkeys(job.project_id for job in chosen)
        for vote in votes.decided(conn, project)
    ]
    names = [job.file_name or job.id[:8] for job in chosen]
    title = f"Report on {names[0]}" if len(names) == 1 else f"Report on {len(names)} batches"
    board = ratings.board(ballots.choices(decided))
    return ReportData(title, chosen, found, figures(found), board, len(decided), now)


def _producer(kind: Kind, data: ReportData, pulse: Pulse) -> Callable[[BinaryIO], None]:
    def pieces(file: BinaryIO) -> None:
        made = markdown(data) if kind == "markdown" else page(data, _asset("css"), _asset("js"))
        for piece in made:
            pulse()
            file.write(piece.encode("utf-8", "replace"))

    def table(file: BinaryIO) -> None:
        if kind == "csv":
            wide_table.write_csv(file, data.found)
        else:
            workbook.write(file, data.title, wide_table.heads(data.found), wide_table.lines(data.found))

    return table if kind in ("csv", "xlsx") else pieces


def _asset(ending: str) -> str:
    return resources.read_bytes(f"data/report.{ending}").decode("utf-8")
