"""A report on a batch that really ran: the page, and what is beside it."""

from __future__ import annotations

import csv
import html
import json
import re
import time
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sidecar.report.figures import figures
from sidecar.report.page import ReportData, page
from sidecar.report.questions import gather
from sidecar.report.workbook import column_name, write
from sidecar.store.job_records import Job, JobRow
from tests.helpers.inside import Inside, inside
from tests.replay_tools.recording import data_folder

MODELS = ("openai/gpt-6-luna", "grok/grok-4.7")
EVIL = "</script><script>alert(1)</script> =1+1"


async def result(app: Inside, method: str, **params: Any) -> Any:
    answer = await app.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def ran(app: Inside) -> str:
    project = (await result(app, "project:create", name="Reported"))["id"]
    prompts = (f"Reply with exactly: {EVIL}", "Why?", "No. [[simulate: status=400]]")
    rows = [
        {"id": f"q{number}@{model}", "prompt": prompt, "model": model, "data": {"n": number}}
        for number, prompt in enumerate(prompts)
        for model in MODELS
    ]
    checks = [{"type": "contains", "value": "alert", "name": "<evil>"}]
    job = await result(
        app, "batch:submit", projectId=project, rows=rows, fileName="a.csv", checks=checks, start=True
    )
    await app.ended(job["id"])
    return str(job["id"])


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


async def test_the_page_needs_nothing_else_and_nothing_in_it_is_run(tmp_path: Path) -> None:
    async with inside(data_folder(tmp_path), day="2026-11-23") as app:
        job = await ran(app)
        path = tmp_path / "report.html"
        made = await result(app, "batch:report", jobIds=[job], path=str(path))
    text = path.read_text("utf-8")

    assert (made["questions"], made["rows"], made["leftOut"]) == (3, 6, 0)
    assert made["files"] == [{"format": "html", "path": str(path), "bytes": len(text.encode())}]
    assert not re.search(r"""(src|href)=["'](?!#)|url\(|@import|https?://""", text.replace("http-equiv", ""))
    assert "alert(1)</script>" not in text
    data = data_of(text)
    assert (data["columns"], data["checks"]) == (list(MODELS), ["<evil>"])
    assert [row[0] for row in data["rows"]] == ["q0", "q1", "q2"]
    [status, answer, usd, *_, passed, note] = data["rows"][0][3][0]
    assert (status, answer, passed, note) == ("success", EVIL, "1", "")
    assert usd > 0
    assert [row[2] for row in data["rows"]] == [0, 2, 1]
    assert html.escape("<evil>") in text
    # What counts is there without the script.
    for words in ("2 of 3 (67 %)", "How rows ended", "Where the money went", "Estimated $", "1 of 2 (50 %)"):
        assert words in text, words


async def test_markdown_and_tables_stand_beside_it(tmp_path: Path) -> None:
    async with inside(data_folder(tmp_path), day="2026-11-23") as app:
        job = await ran(app)
        wanted = {
            "jobIds": [job],
            "path": str(tmp_path / "report.html"),
            "beside": ["markdown", "csv", "xlsx"],
        }
        made = await result(app, "batch:report", **wanted)
    assert [Path(each["path"]).name for each in made["files"]] == [
        "report.html",
        "report.md",
        "report.csv",
        "report.xlsx",
    ]
    words = (tmp_path / "report.md").read_text("utf-8")
    assert words.startswith("# Report on a.csv\n")
    assert "| openai/gpt-6-luna | 2 of 3 (67 %) | 1 |" in words
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0][:4] == ["id", "prompt", "data.n", "openai/gpt-6-luna: status"]
    assert lines[1][3:5] == ["success", EVIL]
    sheet = zipfile.ZipFile(tmp_path / "report.xlsx").read("xl/worksheets/sheet1.xml")
    cells = [each.text for each in ElementTree.fromstring(sheet).iter() if each.tag.endswith(("}t", "}v"))]
    assert EVIL in cells
    assert "openai/gpt-6-luna: answer" in cells


async def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    async with inside(data_folder(tmp_path), day="2026-11-23") as app:
        job = await ran(app)

        async def refused(**params: Any) -> str:
            return str((await app.ask("batch:report", params))["error"]["data"]["kind"])

        assert await refused(jobIds=["nobody"], path=str(tmp_path / "r.html")) == "not_found"
        assert await refused(jobIds=[job], path=str(tmp_path / "data" / "abai.db")) == "invalid_params"
        assert await refused(jobIds=[job], path=str(tmp_path / "r.csv"), beside=["csv"]) == "invalid_params"
        assert await refused(jobIds=[], path=str(tmp_path / "r.html")) == "invalid_params"
        assert not list(tmp_path.glob("r.*"))


def test_ten_thousand_questions_are_little_work() -> None:
    job = Job("job", "p", 1, total_rows=30_000, status="completed")
    rows = (
        (
            job,
            JobRow(
                f"job/{n}", "job", n, f"Question {n // 3}", "success", model=f"m{n % 3}", response="So. " * 50
            ),
        )
        for n in range(30_000)
    )
    begun = time.process_time()
    found = gather([job], rows)
    data = ReportData("Large", [job], found, figures(found), [], 0, 1)
    size = sum(len(piece) for piece in page(data, "", ""))

    assert len(found.questions) == 10_000
    assert size < 10_000_000
    assert time.process_time() - begun < 30


def test_a_workbook_is_what_excel_reads(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "book.xlsx"
    texts = ["=1+1", "a\x00b\ud800", " blank ", "<&>\nline", 1.5, True, None, "x" * 40_000]
    with path.open("wb") as file:
        assert write(file, "A/B: [c]", [f"h{n}" for n in range(len(texts))], [texts]) == 0
    sheet = openpyxl.load_workbook(path).active
    [_, second] = list(sheet.values)
    assert second[:7] == ("=1+1", "a\ufffdb\ufffd", " blank ", "<&>\nline", 1.5, True, None)
    assert (len(second[7]), sheet.title, sheet.freeze_panes) == (32_767, "A B   c", "A2")
    assert sheet["A2"].data_type != "f"
    with path.open("wb") as file:
        write(file, "s", ["_x0041_"], [])
    # Excel would read the letter of that number.
    assert b"_x005F_x0041_" in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
    assert [column_name(number) for number in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
