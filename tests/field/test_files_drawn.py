"""Tables that programs draw with lines, and JSON that was written once too often or beside other things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.field.test_files_leavings import MODEL, imported
from tests.helpers.process import RpcError

HERE = f"| One | {MODEL} |\n"
LINE = "+--------+------+\n"
DRAWN = {
    "markdown below words": f"# Questions\n\nFor today:\n\n| prompt | model |\n|---|---|\n{HERE}\nBye | now.\n",
    "psql": f" prompt |     model\n--------+---------------\n One    | {MODEL}\n(1 row)\n",
    "mysql": f"{LINE}| prompt | model |\n{LINE}{HERE}{LINE}1 row in set (0.00 sec)\n",
    "boxes": f"┌────────┬───────┐\n│ prompt │ model │\n├────────┼───────┤\n│ One    │ {MODEL} │\n└────────┴───────┘\n",
}


@field("files", "a table that a database or a document draws with lines")
@pytest.mark.parametrize("name", ["table.txt", "table.csv", "table.md"])
async def test_a_table_is_read_that_is_drawn_with_lines(name: str, tmp_path: Path) -> None:
    for how, text in DRAWN.items():
        found = await imported(tmp_path, name, text.encode())
        assert [(row["prompt"], row["model"]) for row in found["rows"]] == [("One", MODEL)], how
        assert len(found["errors"]) == ("words" in how), how


async def test_lines_of_one_cell_are_one_prompt_where_each_row_has_its_line(tmp_path: Path) -> None:
    below = LINE.replace("-", "=")
    rows = f"{HERE}| and more | |\n{LINE}| Two | {MODEL} |\n"
    text = f"{LINE}| prompt | model |\n{below}{rows}{LINE}"
    found = await imported(tmp_path, "grid.txt", text.encode())
    assert [row["prompt"] for row in found["rows"]] == ["One\nand more", "Two"]


async def test_a_table_inside_a_prompt_stays_there(tmp_path: Path) -> None:
    prompt = "Mend this:\n| question | b |\n|---|---|\n| 1 | 2 |"
    found = await imported(tmp_path, "rows.csv", f'prompt,model\n"{prompt}",{MODEL}\n'.encode())
    assert [row["prompt"] for row in found["rows"]] == [prompt]


@field("files", "lines of JSON that were written as JSON twice")
async def test_lines_of_json_are_read_however_they_were_wrapped(tmp_path: Path) -> None:
    row = json.dumps({"prompt": "One", "model": MODEL})
    for text in (
        json.dumps(row),
        f"data: {row}\n\ndata: [DONE]",
        f'["prompt", "model"]\n["One", "{MODEL}"]',
        json.dumps({"input": {"question": "One", "model": MODEL}, "expectedOutput": None}),
    ):
        found = await imported(tmp_path, "rows.jsonl", text.encode())
        assert [(each["prompt"], each["model"]) for each in found["rows"]] == [("One", MODEL)], text


async def test_a_prompt_in_json_stays_one(tmp_path: Path) -> None:
    texts = ['{"a": 1}', '{"a": 1} means?', "{}"]
    (tmp_path / "list.json").write_text(json.dumps(texts))
    async with sidecar(tmp_path / "data") as process:
        found = await process.call("batch:import", {"path": str(tmp_path / "list.json"), "model": MODEL})
    assert [row["prompt"] for row in found["rows"]] == texts


@field("files", "a chat with other members beside its messages")
async def test_what_stands_beside_a_chat_s_messages_is_data(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "Say {{x}}"}], "model": MODEL, "topic": "a"}
    found = await imported(tmp_path, "chats.jsonl", json.dumps(chat).encode())
    (row,) = found["rows"]
    assert (row["prompt"], row["data"]) == ("Say \\{{x}}", {"topic": "a"})


@field("files", "a CSV in UTF-32 without a mark")
@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be", "utf-32"])
async def test_a_table_in_four_bytes_a_letter_is_read(encoding: str, tmp_path: Path) -> None:
    found = await imported(tmp_path, "wide.csv", f"prompt,model\nGrüße,{MODEL}\n".encode(encoding))
    assert [row["prompt"] for row in found["rows"]] == ["Grüße"]


@field("files", "rows in YAML")
async def test_yaml_is_told_as_what_it_is(tmp_path: Path) -> None:
    text = f"# mine\n- prompt: One\n  model: {MODEL}\n"
    with pytest.raises(RpcError, match="The file is YAML"):
        await imported(tmp_path, "rows.yaml", text.encode())
