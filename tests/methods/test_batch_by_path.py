"""A file that is submitted by its path is the batch that its imported rows would be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch.files.options import AS_IT_IS
from sidecar.batch.files.row_file import FileRows
from sidecar.errors import Failure
from tests.helpers.inside import Inside, inside

LUNA = "openai/gpt-6-luna"


def table(folder: Path, text: str, name: str = "rows.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


async def project(here: Inside) -> str:
    return str((await here.ask("project:create", {"name": "P"}))["result"]["id"])


async def results(here: Inside, job_id: str) -> list[dict[str, Any]]:
    return list((await here.ask("batch:get-results", {"jobId": job_id}))["result"])


async def test_the_rows_are_those_of_the_import_and_what_was_left_out_is_told_as_there(
    tmp_path: Path,
) -> None:
    path = table(
        tmp_path,
        'Question;Number\n"What is {{Number}}?";12345678901234567890\n;7\nWhy?;2\n',
    )
    options = {"columns": {"prompt": "Question"}, "models": [LUNA, "grok/grok-4.3"]}
    async with inside(tmp_path / "d") as here:
        given = {"projectId": await project(here)}
        read = (await here.ask("batch:import", {"path": path, **options}))["result"]
        by_rows = (await here.ask("batch:submit", {**given, "rows": read["rows"]}))["result"]
        by_path = (await here.ask("batch:submit", {**given, "path": path, **options}))["result"]
        kept = [await results(here, job["id"]) for job in (by_rows, by_path)]
    assert len(read["errors"]) == 1
    assert (by_path["errors"], by_path["fileName"]) == (read["errors"], "rows.csv")
    assert kept[0] == kept[1]
    assert [row["prompt"] for row in kept[1]] == ["What is 12345678901234567890?"] * 2 + ["Why?"] * 2
    assert by_path["estimate"] == by_rows["estimate"]


async def test_an_estimate_of_a_file_names_its_first_rows_and_counts_all(tmp_path: Path) -> None:
    path = table(tmp_path, "prompt,model,x\n" + f"Say {{{{x}}}},{LUNA},hello\n" * 2_500)
    async with inside(tmp_path / "d") as here:
        rows = (await here.ask("batch:import", {"path": path}))["result"]["rows"]
        whole = (await here.ask("batch:estimate", {"rows": rows}))["result"]
        told = (await here.ask("batch:estimate", {"path": path}))["result"]
    assert told["counts"] == {"rows": 2_500, "answered": 0, "unpriced": 0, "unfilled": 0}
    assert told["perRow"] == whole["perRow"][:1_000]
    assert (told["totalUSD"], told["ways"], told["errors"]) == (whole["totalUSD"], whole["ways"], [])
    assert "counts" not in whole


async def test_a_row_that_can_never_be_asked_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    path = table(tmp_path, f"prompt,model\n,{LUNA}\nWhy?,{LUNA}\nHow?,nobody\n")
    async with inside(tmp_path / "d") as here:
        given = {"projectId": await project(here), "path": path}
        refused = (await here.ask("batch:submit", given))["error"]
        jobs = (await here.ask("batch:list", {"projectId": given["projectId"]}))["result"]
    assert "row 3: There is no model" in refused["message"]
    assert [issue["path"] for issue in refused["data"]["issues"]] == ["rows.2.model"]
    assert jobs == []


@pytest.mark.parametrize("method", ["batch:submit", "batch:estimate"])
async def test_a_file_without_one_row_is_refused_with_what_was_seen(tmp_path: Path, method: str) -> None:
    path = table(tmp_path, "name,age\nAda,36\n")
    async with inside(tmp_path / "d") as here:
        refused = (await here.ask(method, {"projectId": await project(here), "path": path}))["error"]
        missing = (await here.ask("batch:estimate", {"path": str(tmp_path / "nothing.csv")}))["error"]
    assert 'There is no column "prompt"' in refused["message"]
    assert refused["data"]["kind"] == "invalid_params"
    assert missing["data"]["kind"] == "not_found"


async def test_a_file_goes_to_a_vendors_batch_and_its_models_are_checked_before(tmp_path: Path) -> None:
    path = table(
        tmp_path, '{"prompt": "Reply with exactly: one"}\n{"prompt": "Reply with exactly: two"}\n', "r.jsonl"
    )
    async with inside(tmp_path / "d", batch_poll_ms=5) as here:
        given = {"projectId": await project(here), "path": path, "providerName": "openai"}
        refused = (await here.ask("batch:submit-native", {**given, "model": "grok/grok-4.3"}))["error"]
        sent = (await here.ask("batch:submit-native", {**given, "model": LUNA}))["result"]
        async with asyncio.timeout(60):
            while (await here.ask("batch:get", {"jobId": sent["jobId"]}))["result"]["status"] != "completed":
                pass
        rows = await results(here, sent["jobId"])
    assert refused["data"]["kind"] == "unsupported"
    assert sent["errors"] == []
    assert [row["response"] for row in rows] == ["one", "two"]


async def test_a_file_that_is_changed_between_the_two_readings_is_not_submitted(tmp_path: Path) -> None:
    rows = FileRows(table(tmp_path, f"prompt,model\nWhy?,{LUNA}\n"), AS_IT_IS)
    assert [[number for number, _ in chunk] async for chunk in rows.chunks()] == [[1]]
    table(tmp_path, f"prompt,model\nWhy?,{LUNA}\nHow?,{LUNA}\n")
    with pytest.raises(Failure, match="was changed while it was being read"):
        [chunk async for chunk in rows.chunks()]
