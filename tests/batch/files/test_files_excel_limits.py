"""What Excel does not keep of a table is said: where we write one, and where one comes back."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sidecar.batch.files.excel_limits import MOST_LETTERS, MOST_ROWS, OverLimits, letters
from tests.batch.files.test_files_kinds import ONE, prompts, read, said
from tests.field.test_files_imports import importing

LONG = "x" * MOST_LETTERS


async def test_an_export_with_longer_cells_than_excel_keeps_says_so(tmp_path: Path) -> None:
    async with importing(tmp_path) as process:
        project = await process.call("project:create", {"name": "P"})
        whole = {"prompt": "Why?", "model": "openai/gpt-6-luna"}
        rows = [whole, {**whole, "data": {"text": f"{LONG}y"}}]
        job = await process.call("batch:submit", {"projectId": project["id"], "rows": rows})
        told: dict[str, Any] = {}
        for name, columns in (("csv", None), ("jsonl", None), ("csv", ["prompt"])):
            wanted = {
                "jobId": job["id"],
                "path": str(tmp_path / "out"),
                "format": name,
                "columns": columns,
            }
            found = await process.call("batch:export", wanted)
            told[f"{name} {columns}"] = found.get("remarks")
        assert told["jsonl None"] is told["csv ['prompt']"] is None
        [remark] = told["csv None"]
        assert remark.startswith(
            '1 cell is longer than the 32,767 characters that Excel keeps of one, first "text" of row 2.'
        )


def test_letters_are_counted_as_excel_counts_them_and_rows_with_the_header() -> None:
    assert letters("\N{GRINNING FACE}" * 20_000) == 40_000
    limits = OverLimits()
    for _ in range(MOST_ROWS - 1):
        limits.end_row()
    assert limits.remarks() == []
    limits.see("response", "\N{GRINNING FACE}" * 20_000)
    limits.end_row()
    assert [each[:60] for each in limits.remarks()] == [
        "1 cell is longer than the 32,767 characters that Excel keeps",
        "These are 1,048,576 rows, and Excel shows 1,048,575 below th",
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_prompt_that_excel_may_have_cut_is_asked_and_told_of_once(kind: str) -> None:
    rows = [["prompt"], ["Why?"], [LONG], [LONG], [LONG[:-1]]]
    if kind == "csv":
        content: bytes = "\n".join(cell for (cell,) in rows).encode()
    else:
        book, packed = openpyxl.Workbook(), io.BytesIO()
        for row in rows:
            book.worksheets[0].append(row)
        book.save(packed)
        content = packed.getvalue()
    found = read(content, kind, models=ONE)
    assert len(prompts(found)) == 4
    [(number, remark)] = said(found)
    assert (number, remark[:62]) == (0, "The prompt of row 2 has 32,767 characters, the most that Excel")
