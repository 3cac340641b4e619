"""Files of people, as they are, beside the real process: what each becomes, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import FOLDER, field
from tests.field.hostile import chat_chunks, serving, stream
from tests.field.lab import batch_rows, own_models, project, sidecar
from tests.helpers.process import RpcError, SidecarProcess

FILES = FOLDER / "files"
LUNA = "openai/gpt-6-luna"
LETTERS = "Grüße aus Köln – 東京 "
GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


@asynccontextmanager
async def importing(folder: Path) -> AsyncIterator[SidecarProcess]:
    async with sidecar(folder / "data", "--mock") as process:
        yield process


async def imported(folder: Path, name: str, **options: Any) -> tuple[list[Any], list[Any], Any]:
    """The rows, the errors and what was seen of one of the files."""
    async with importing(folder) as process:
        found = await process.call("batch:import", {"path": str(FILES / name), **options})
    return found["rows"], found["errors"], found.get("seen")


@field("files", "one line of a batch of Vertex AI")
async def test_a_line_of_a_batch_in_a_cloud_is_a_row(tmp_path: Path) -> None:
    said = [{"role": "user", "parts": [{"text": "Why?"}]}]
    lines = [
        {"request": {"contents": said, "generationConfig": {"maxOutputTokens": 50}}},
        {
            "recordId": "r1",
            "modelInput": {"max_tokens": 50, "messages": [{"role": "user", "content": "Why?"}]},
        },
    ]
    async with importing(tmp_path) as process:
        for number, line in enumerate(lines):
            path = tmp_path / f"{number}.jsonl"
            path.write_text(json.dumps(line) + "\n")
            found = await process.call("batch:import", {"path": str(path), "model": LUNA})
            [row] = found["rows"]
            assert (row["prompt"], row["model"], row["maxOutputTokens"]) == ("Why?", LUNA, 50)


@field("files", "no-model-column.csv")
async def test_a_table_without_a_model_says_its_columns_and_how_it_may_be_read(tmp_path: Path) -> None:
    rows, _, seen = await imported(tmp_path, "no-model-column.csv")
    assert rows == []
    assert [column["name"] for column in seen["columns"]] == ["act", "prompt", "for_devs"]
    assert seen["columns"][1] == {
        "name": "prompt",
        "samples": ["Show me three museums", "Write about rain, briefly"],
        "field": "prompt",
    }
    assert seen["choices"][0]["needs"] == ["model"]
    options = seen["choices"][0]["options"]
    rows, errors, _ = await imported(tmp_path, "no-model-column.csv", model=LUNA, **options)
    assert [(row["prompt"], row["model"]) for row in rows] == [
        ("Show me three museums", LUNA),
        ("Write about rain, briefly", LUNA),
    ]
    assert errors == []


@field("files", "lines.json")
@field("files", "list.jsonl")
@pytest.mark.parametrize("name", ["lines.json", "list.jsonl"])
async def test_the_first_character_decides_what_a_file_is(name: str, tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, name)
    assert [(row["prompt"], row["model"]) for row in rows] == [("a", LUNA), ("b", LUNA)]
    assert errors == []


@field("files", "openai-batch.jsonl")
async def test_a_line_of_a_vendors_batch_is_a_row(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "openai-batch.jsonl")
    expected = {
        "id": "q-1",
        "prompt": "Where is order O-1?",
        "model": "gpt-6-luna",
        "system": "Be brief.",
        "maxOutputTokens": 100,
    }
    assert (rows, errors) == ([expected], [])


@field("files", "one-bad-byte.csv")
@field("files", "one-bad-byte.jsonl")
@pytest.mark.parametrize("name", ["one-bad-byte.csv", "one-bad-byte.jsonl"])
async def test_one_bad_byte_costs_its_own_row_and_is_told_with_it(name: str, tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, name)
    assert [row["prompt"] for row in rows] == [f"{LETTERS}{number}" for number in (0, 1, 2, 4)]
    (error,) = errors
    assert error["row"] == 4
    assert "Caf" in error["message"]
    assert "encoding" in error["message"]


@field("files", "shift-jis.csv")
async def test_japanese_is_found_and_the_encoding_can_be_said(tmp_path: Path) -> None:
    rows, _, _ = await imported(tmp_path, "shift-jis.csv")
    assert rows[0]["prompt"] == "輸出先の表を作ってください"
    said, errors, _ = await imported(tmp_path, "shift-jis.csv", encoding="shift_jis")
    assert (said, errors) == (rows, [])


@field("files", "thousands.csv")
@field("files", "near-names.csv")
async def test_numbers_with_thousands_and_near_names_are_what_they_mean(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "thousands.csv")
    assert (rows[0]["maxOutputTokens"], errors) == (4_000, [])
    rows, errors, _ = await imported(tmp_path, "near-names.csv")
    assert (rows[0]["system"], rows[0]["maxOutputTokens"], errors) == ("Answer in French", 100, [])


@field("files", "short-rows.csv")
async def test_cells_that_a_spreadsheet_leaves_out_at_the_end_are_empty(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "short-rows.csv")
    assert [row["data"] for row in rows] == [
        {"note": "a", "topic": "b"},
        {"note": "", "topic": ""},
        {"note": "c", "topic": ""},
    ]
    assert errors == []


@field("files", "remark-at-the-right.csv")
async def test_what_stands_beside_a_table_does_not_spoil_it(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "remark-at-the-right.csv")
    assert [row["prompt"] for row in rows] == ["A", "B"]
    assert [(error["row"], "my remark" in error["message"]) for error in errors] == [(0, True)]


@field("files", "float-ids.jsonl")
async def test_ids_of_a_program_whose_integers_are_floats_are_ids(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "float-ids.jsonl")
    assert [(row["id"], row["prompt"]) for row in rows] == [("1.0", "a"), ("2.0", "b")]
    assert errors == []


@field("files", "apostrophes.csv")
async def test_an_apostrophe_of_the_authors_stays(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "apostrophes.csv")
    assert [row["prompt"] for row in rows] == ["'-ing' and '-ed' are endings", "'@mention' what is it?"]
    assert errors == []


@field("files", "swallowed-rows.csv")
async def test_a_quote_that_is_left_open_swallows_no_other_row(tmp_path: Path) -> None:
    rows, errors, _ = await imported(tmp_path, "swallowed-rows.csv")
    assert [(row["id"], row["prompt"]) for row in rows] == [
        ("1", "fine"),
        ("3", "b"),
        ("4", "c"),
        ("5", "fine"),
    ]
    assert [error["row"] for error in errors] == [2]
    assert "quote" in errors[0]["message"]


@field("files", "braces.csv")
async def test_braces_of_a_table_without_data_reach_the_model(tmp_path: Path) -> None:
    async with serving(GOOD) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        found = await process.call("batch:import", {"path": str(FILES / "braces.csv")})
        rows = [{**row, "model": "lab/m"} for row in found["rows"]]
        estimate = await process.call("batch:estimate", {"rows": rows})
        assert [each["id"] for each in estimate["perRow"]] == ["1", "2"]
        results = await batch_rows(process, *rows)
        asked = [json.loads(each.body)["messages"][-1]["content"] for each in server.asked]
    assert [result["status"] for result in results] == ["success", "success"]
    assert "Explain this: <p>{{ message }}</p>" in asked


@field("files", "long-numbers.jsonl")
@field("files", "prices.jsonl")
@pytest.mark.parametrize(
    ("name", "asked"),
    [("long-numbers.jsonl", "Who wrote post 1234567890123456789?"), ("prices.jsonl", "Is 1.10 dear?")],
)
async def test_numbers_keep_their_digits_through_a_window_in_javascript(
    name: str, asked: str, tmp_path: Path
) -> None:
    async with importing(tmp_path) as process:
        found = await process.call("batch:import", {"path": str(FILES / name)})
        # Every number as a double, which is how JavaScript reads JSON.
        rows = json.loads(json.dumps(found["rows"]), parse_int=float)
        job = await process.call("batch:submit", {"projectId": await project(process), "rows": rows})
        (result,) = await process.call("batch:get-results", {"jobId": job["id"]})
    assert result["prompt"] == asked


async def test_a_long_number_that_is_submitted_comes_back_as_text_with_all_its_digits(tmp_path: Path) -> None:
    row = {
        "prompt": "Post {{n}} of {{list}}",
        "model": LUNA,
        "data": {"n": 2**60 + 1, "list": [2**60 + 1, 1.5]},
    }
    async with importing(tmp_path) as process:
        job = await process.call("batch:submit", {"projectId": await project(process), "rows": [row]})
        (result,) = await process.call("batch:get-results", {"jobId": job["id"]})
    assert result["prompt"] == "Post 1152921504606846977 of [1152921504606846977, 1.5]"
    assert result["data"] == {"n": "1152921504606846977", "list": "[1152921504606846977, 1.5]"}


@field("files", "a row whose variable is missing")
async def test_a_row_that_lacks_a_variable_fails_alone(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "prompt": "Hi {{name}}", "model": LUNA, "data": {"name": "Ada"}},
        {"id": "b", "prompt": "Hi {{name}}", "model": LUNA, "data": {"other": "x"}},
        {"id": "c", "prompt": "Hi {{name}} and \\{{you}}", "model": LUNA, "data": {"name": "Bo"}},
    ]
    async with importing(tmp_path) as process:
        estimate = await process.call("batch:estimate", {"rows": rows})
        assert [each["id"] for each in estimate["perRow"]] == ["a", "c"]
        assert estimate["unfilled"] == [{"id": "b", "message": "Missing template variables: name"}]
        results = await batch_rows(process, *rows)
    assert [(each["id"], each["status"]) for each in results] == [
        ("a", "success"),
        ("b", "error"),
        ("c", "success"),
    ]
    assert results[1]["errorMessage"] == "Missing template variables: name"
    assert results[2]["prompt"] == "Hi Bo and {{you}}"


@field("files", "export to CSV of a row whose data has")
async def test_data_named_like_a_result_is_exported_under_another_name_and_comes_back(tmp_path: Path) -> None:
    data = {"response": "r", "status": "s", "cost_usd": "c"}
    rows = [{"id": "a", "prompt": "Hi {{status}}", "model": LUNA, "data": data}]
    target = tmp_path / "out.csv"
    async with importing(tmp_path) as process:
        job = await process.call("batch:submit", {"projectId": await project(process), "rows": rows})
        await process.call("batch:export", {"jobId": job["id"], "path": str(target), "format": "csv"})
        found = await process.call("batch:import", {"path": str(target)})
    header = target.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    assert len(header) == len(set(header))
    assert {"data.response", "data.status", "data.cost_usd"} <= set(header)
    assert found["rows"] == rows


@field("files", "Stay as they are: UTF-8 with and without a mark")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16"])
async def test_unicode_in_any_form_and_blank_lines_between_lines_of_json_stay_readable(
    encoding: str, tmp_path: Path
) -> None:
    async with importing(tmp_path) as process:
        line = json.dumps({"prompt": f"{LETTERS}=1+1 \0 ' \r", "model": LUNA}, ensure_ascii=False)
        for name, text in {
            "a.csv": f"prompt,model\n{LETTERS},{LUNA}\n",
            "a.jsonl": f"{line}\n\n{line}\n",
        }.items():
            (tmp_path / name).write_bytes(text.encode(encoding))
            found = await process.call("batch:import", {"path": str(tmp_path / name)})
            assert found["errors"] == []
            assert found["rows"][-1]["prompt"].startswith(LETTERS)
        for name, content in {"a.json": b"// rows\n[1]", "b.json": b"", "c.csv": b""}.items():
            (tmp_path / name).write_bytes(content)
            found = await process.call("batch:import", {"path": str(tmp_path / name)})
            assert (found["rows"], [error["row"] for error in found["errors"]]) == ([], [0])


@field("files", "a file whose rows are more than one message can carry")
async def test_a_file_of_more_than_one_message_says_so_when_it_is_imported(tmp_path: Path) -> None:
    line = json.dumps({"prompt": "x" * 100_000, "model": LUNA})
    (tmp_path / "large.jsonl").write_text(f"{line}\n" * 20, encoding="utf-8")
    async with sidecar(tmp_path / "data", "--mock", "--max-message-bytes", "1000000") as process:
        path = {"path": str(tmp_path / "large.jsonl")}
        with pytest.raises(RpcError, match=r"one message carries 1\.0 MB\. Submit the file by its path"):
            await process.call("batch:import", path)
        project = await process.call("project:create", {"name": "P"})
        job = await process.call("batch:submit", {"projectId": project["id"], **path})
    assert (job["totalRows"], job["errors"]) == (20, [])
