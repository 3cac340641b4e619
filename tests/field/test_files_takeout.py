"""What Google Takeout hands out of Gemini where nobody chose JSON: a page, whose cells are questions with answers."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import pytest_asyncio

from tests.field.claims import field
from tests.field.lab import messages, project, sidecar
from tests.helpers.process import RpcError, SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")
PART = "mdl-cell mdl-cell--6-col mdl-typography--body-1"


def cell(content: str, product: str = "Gemini Apps") -> str:
    return (
        '<div class="outer-cell mdl-cell mdl-cell--12-col mdl-shadow--2dp"><div class="mdl-grid">'
        '<div class="header-cell mdl-cell mdl-cell--12-col"><p class="mdl-typography--title">'
        f'{product}<br></p></div><div class="content-cell {PART}">{content}</div>'
        f'<div class="content-cell {PART.replace("body-1", "body-1 mdl-typography--text-right")}"></div>'
        f'<div class="content-cell mdl-cell mdl-cell--12-col"><b>Products:</b><br>&emsp;{product}<br></div></div></div>'
    )


def page(*cells: str) -> bytes:
    style = "<style>.mdl-grid{}</style>"
    return (
        f'<html><head><title>My Activity</title>{style}</head><body><div class="mdl-grid">{"".join(cells)}</div></body>'
    ).encode()


ANSWER = "<p>It is <strong>Rayleigh</strong>.</p><p>On Jan 1, 2020, 1:00:00 AM UTC<br>too.</p>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("takeout"), "--mock") as made:
        yield made


async def said(process: SidecarProcess, path: Path, content: bytes) -> list[list[dict[str, Any]]]:
    path.write_bytes(content)
    into = await project(process)
    result = await process.call("conversation:import", {"projectId": into, "path": str(path)})
    assert result["service"] == "gemini"
    return [
        await messages(process, each["id"])
        for each in await process.call("conversation:list", {"projectId": into})
    ]


# As an account in one language or another writes 2 January 2026, 03:04:05 UTC.
MOMENTS = [
    "Jan 2, 2026, 4:04:05\u202fAM CET",
    "Jan 1, 2026, 7:04:05 PM PST",
    "2 Jan 2026, 03:04:05 GMT",
    "02.01.2026, 04:04:05 MEZ",
    "2 janv. 2026, 04:04:05 CET",
    "2 ene 2026, 04:04:05 CET",
    "2 de jan. de 2026, 00:04:05 BRT",
    "2026/01/02 12:04:05 JST",
    "Jan 2, 2026, 8:34:05 AM GMT+05:30",
]


@field("files", "Google Takeout's activity of Gemini as a page")
@pytest.mark.parametrize("at", MOMENTS)
async def test_the_page_of_takeout_gives_questions_with_their_answers(
    at: str, process: SidecarProcess, tmp_path: Path
) -> None:
    content = page(
        cell(f"Prompted\u00a0Who?<br>Attached 1 file.<br>-&emsp;notes.pdf<br>{at}<br>{ANSWER}"),
        cell(f"Searched for\u00a0sky<br>{at}", "Search"),
        cell(f"Prompted\u00a0Why?<br>{at}<br><p>So.</p>"),
    )
    ((first, so, question, answer),) = await said(process, tmp_path / "MyActivity.html", content)
    assert (first["content"], so["content"]) == ("Why?", "So.")
    assert question["content"].startswith("Who?\nAttached 1 file.")
    assert question["content"].endswith("notes.pdf")
    assert answer["content"] == "It is **Rayleigh**.\n\nOn Jan 1, 2020, 1:00:00 AM UTC\ntoo."
    assert {each["timestamp"] for each in (first, so, question, answer)} == {1_767_323_045_000}


@field("files", "Google Takeout's activity of Gemini as a page")
async def test_the_page_is_read_within_the_zip_file_of_takeout(
    process: SidecarProcess, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("Takeout/archive_browser.html", "<html>Gemini</html>")
        archive.writestr(
            "Takeout/My Activity/Gemini Apps/MyActivity.html",
            page(cell(f"Prompted Why?<br>{MOMENTS[0]}<br>So.")),
        )
    ((question, answer),) = await said(process, tmp_path / "takeout.zip", packed.getvalue())
    assert (question["content"], answer["content"]) == ("Why?", "So.")


@field("files", "Google Takeout's activity of Gemini as a page")
async def test_a_page_with_moments_that_nobody_can_read_says_to_choose_json(
    process: SidecarProcess, tmp_path: Path
) -> None:
    cells = cell(f"Prompted Why?<br>{MOMENTS[0]}<br>So."), cell("Prompted Who?<br>yesterday<br>So.")
    with pytest.raises(RpcError, match="choose JSON"):
        await said(process, tmp_path / "MyActivity.html", page(*cells))
