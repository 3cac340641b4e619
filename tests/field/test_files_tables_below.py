"""Another table below the first one, in a CSV or a sheet: its rows are told, and nobody pays for them as questions."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from openpyxl import Workbook

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.field.test_files_imports import LUNA
from tests.helpers.process import SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")

Rows = list[list[str | int]]
FIRST: Rows = [["prompt", "note"], ["Why?", "x"], ["How?", "y"], []]
BELOW: dict[str, Rows] = {
    "costs": [["month", "cost"], ["Jan", 3], ["Feb", 4]],
    "costs below a title": [["Costs"], ["month", "cost"], ["Jan", 3], ["Feb", 4]],
    "costs behind two empty rows": [[], ["Costs"], [], ["month", "cost"], ["Jan", 3]],
    "other questions": [["id", "question", "answer"], [1, "When?", "soon"]],
    "the same in another order": [["note", "prompt"], ["z", "When?"]],
    "a list of models": [["model", "prompt tokens", "cost"], ["m-1", 20, "$0.10"], ["m-2", 30, "$0.20"]],
}
OF_THE_TABLE: dict[str, Rows] = {
    "a row like the others": [["When?", "z"]],
    "short words": [["sky", "blue"], ["sea", "green"]],
    "a number below a question": [["Where is it?", "z"], ["When?", 3], ["Who", "w"]],
    "a heading without a table": [["More"], ["When?", "z"]],
    "a last word": [["When"]],
    "a sentence": [["What is this question about?", "message"]],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("below"), "--mock") as made:
        yield made


def saved(rows: Rows, path: Path) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return path
    book = Workbook()
    for number, row in enumerate(rows, start=1):
        for place, value in enumerate(row, start=1):
            book.active.cell(number, place, value)
    book.save(path)
    return path


async def prompts_and_errors(process: SidecarProcess, path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    found = await process.call("batch:import", {"path": str(path), "models": [LUNA]})
    told = [(each["row"], each["message"]) for each in found["errors"] if each["row"]]
    return [row["prompt"] for row in found["rows"]], told


@field("files", "a second table below the first, behind an empty row")
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("case", BELOW)
async def test_a_table_below_the_first_is_told_and_not_asked(
    case: str, kind: str, process: SidecarProcess, tmp_path: Path
) -> None:
    path = saved(FIRST + BELOW[case], tmp_path / f"t.{kind}")
    asked, told = await prompts_and_errors(process, path)
    assert asked == ["Why?", "How?"]
    assert len(told) == sum(bool(row) for row in BELOW[case])
    assert told[0][0] == len(FIRST) + next(number for number, row in enumerate(BELOW[case]) if row)
    assert "another table" in told[0][1]
    assert all("other table" in message for _, message in told)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("case", OF_THE_TABLE)
async def test_what_goes_on_behind_an_empty_row_is_still_asked(
    case: str, kind: str, process: SidecarProcess, tmp_path: Path
) -> None:
    more = OF_THE_TABLE[case]
    asked, told = await prompts_and_errors(process, saved(FIRST + more, tmp_path / f"t.{kind}"))
    assert asked == ["Why?", "How?", *(str(row[0]) for row in more)]
    assert told == []


async def test_the_first_table_goes_on_below_its_header_once_more(
    process: SidecarProcess, tmp_path: Path
) -> None:
    rows: Rows = [*FIRST, *BELOW["costs"], [], FIRST[0], ["When?", "z"]]
    asked, told = await prompts_and_errors(process, saved(rows, tmp_path / "t.csv"))
    assert asked == ["Why?", "How?", "When?"]
    assert len(told) == 4
