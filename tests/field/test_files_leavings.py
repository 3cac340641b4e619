"""What other programs leave in tables: another header in the middle, errors of a spreadsheet, escapes of old mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.lab import sidecar

MODEL = "openai/gpt-6-luna"


async def imported(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    (folder / name).write_bytes(content)
    async with sidecar(folder / "data") as process:
        found: dict[str, Any] = await process.call("batch:import", {"path": str(folder / name)})
    return found


@field("files", "a CSV in ISO-2022-JP")
@pytest.mark.parametrize(
    ("encoding", "prompt"),
    [("iso2022_jp", "今日の天気はどうですか"), ("iso2022_kr", "오늘 날씨가 어때요")],
)
async def test_letters_behind_escapes_are_found_and_told(encoding: str, prompt: str, tmp_path: Path) -> None:
    content = f"prompt,model\n{prompt},{MODEL}\nPlain,{MODEL}\n".encode(encoding)
    found = await imported(tmp_path, "mail.csv", content)
    assert [row["prompt"] for row in found["rows"]] == [prompt, "Plain"]
    assert "Where letters look wrong, say its encoding" in found["errors"][0]["message"]


@field("files", "a table whose header stands again")
@pytest.mark.parametrize("again", ["prompt,model", "Prompt , MODEL", "prompt,model,"])
async def test_a_header_in_the_middle_is_no_question(again: str, tmp_path: Path) -> None:
    content = f"prompt,model\nOne,{MODEL}\n{again}\nTwo,{MODEL}\n".encode()
    found = await imported(tmp_path, "both.csv", content)
    assert [row["prompt"] for row in found["rows"]] == ["One", "Two"]
    (told,) = found["errors"]
    assert (told["row"], told["message"]) == (
        2,
        "This row is the header once more, and is not read as a question.",
    )


@field("files", "a prompt that is an error of the spreadsheet")
async def test_an_error_of_the_spreadsheet_is_no_question_and_a_heading_is_one(tmp_path: Path) -> None:
    prompts = ("#REF!", " #BEZUG! ", "#N/A", "# Write a poem", "#love", "#1 of the list")
    content = "\n".join(["prompt,model", *(f"{prompt},{MODEL}" for prompt in prompts)])
    found = await imported(tmp_path, "sheet.csv", content.encode())
    assert [row["prompt"] for row in found["rows"]] == ["# Write a poem", "#love", "#1 of the list"]
    assert [told["row"] for told in found["errors"]] == [1, 2, 3]
    assert "#BEZUG!, an error of the spreadsheet" in found["errors"][1]["message"]
