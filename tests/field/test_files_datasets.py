"""Data sets of programs that test models, and what stands in tables beside their questions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.field.test_files_imports import LUNA
from tests.helpers.process import RpcError, SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")
ASKED = [{"role": "system", "content": "S"}, {"role": "user", "content": "Why?"}]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("datasets"), "--mock") as made:
        yield made


async def imported(process: SidecarProcess, path: Path, content: str) -> tuple[list[Any], list[str]]:
    """The rows without their model, and what is said of the file."""
    path.write_text(content, encoding="utf-8")
    found = await process.call("batch:import", {"path": str(path), "models": [LUNA]})
    for row in found["rows"]:
        assert row.pop("model") == LUNA
    return found["rows"], [each["message"] for each in found["errors"]]


def table(*records: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(
        [each if isinstance(each, str) else json.dumps(each) for each in record] for record in records
    )
    return text.getvalue()


@field("files", "cells that are JSON in a table of Langfuse or LangSmith")
@pytest.mark.parametrize(
    ("names", "asked", "wanted"),
    [
        (["id", "input", "expectedOutput"], '"Why?"', "Why?"),
        (["id", "input", "expected_output"], {"question": "Why?"}, "Why?"),
        (["id", "inputs", "outputs"], {"question": "Why?"}, "Why?"),
        (["id", "input", "expectedOutput"], ASKED, "Why?"),
        (["id", "inputs", "outputs"], {"messages": ASKED}, "Why?"),
        (["id", "inputs", "outputs"], {"input": "Why?"}, "Why?"),
    ],
)
async def test_a_question_that_is_json_in_its_cell_is_asked_in_its_words(
    names: list[str], asked: Any, wanted: str, process: SidecarProcess, tmp_path: Path
) -> None:
    content = table(names, ["one", asked, {"answer": "B"}], ["two", asked, {"answer": "M"}])
    rows, _ = await imported(process, tmp_path / "set.csv", content)
    assert [(row["id"], row["prompt"]) for row in rows] == [("one", wanted), ("two", wanted)]
    assert [row.get("system") for row in rows] == (["S", "S"] if "role" in str(asked) else [None, None])
    assert "B" in json.dumps(rows[0]["data"])
    assert "M" in json.dumps(rows[1]["data"])


@field("files", "cells that are JSON in a table of Langfuse or LangSmith")
async def test_a_question_in_words_stays_as_it_is_beside_one_in_json(
    process: SidecarProcess, tmp_path: Path
) -> None:
    content = table(
        ["id", "input", "expectedOutput"], ["a", '"Why?"', '"B"'], ["b", "[x] or {y}?", "C"], ["c", "7", "8"]
    )
    rows, _ = await imported(process, tmp_path / "set.csv", content)
    assert [row["prompt"] for row in rows] == ["Why?", "[x] or {y}?", "7"]
    rows, _ = await imported(process, tmp_path / "plain.csv", 'id,input,note\na,"{""x"": 1}",n\n')
    assert rows[0]["prompt"] == '{"x": 1}'


@field("files", "what stands in an envelope beside a question")
@pytest.mark.parametrize(
    ("record", "data"),
    [
        (
            {
                "id": "r1",
                "inputs": {"question": "Why?"},
                "outputs": {"answer": "B"},
                "metadata": {"split": "dev"},
            },
            {"answer": "B", "metadata": {"split": "dev"}},
        ),
        (
            {"id": "r1", "input": {"question": "Why?"}, "expectedOutput": "B", "status": "ACTIVE"},
            {"expectedOutput": "B", "status": "ACTIVE"},
        ),
        (
            {
                "id": "r1",
                "input": {"messages": ASKED[1:]},
                "preferred_output": [{"role": "assistant", "content": "B"}],
            },
            {"preferred_output": [{"role": "assistant", "content": "B"}]},
        ),
        ({"id": "r1", "input": ASKED[1:], "ideal": "B"}, {"ideal": "B"}),
        ({"id": "r1", "prompt": ASKED[1:], "chosen": "B"}, {"chosen": "B"}),
        ({"id": "r1", "fields": {"prompt": "Why?", "n": 1}, "createdTime": "2026-01-02"}, {"n": 1}),
    ],
)
async def test_what_stands_beside_a_question_keeps_its_name_and_its_data(
    record: dict[str, Any], data: dict[str, Any], process: SidecarProcess, tmp_path: Path
) -> None:
    (row,), _ = await imported(process, tmp_path / "set.jsonl", json.dumps(record) + "\n")
    assert row == {"id": "r1", "prompt": "Why?", "data": data}


@field("files", "a row of units below a header")
@pytest.mark.parametrize("units", ["(text),(tokens),(0-2)", "[text],[kg],[$]", ",[kg],[°C]", "(text),,(C)"])
async def test_units_below_a_header_are_no_question(
    units: str, process: SidecarProcess, tmp_path: Path
) -> None:
    rows, said = await imported(process, tmp_path / "t.csv", f"prompt,weight,temp\n{units}\nWhy?,5,3\n")
    assert [row["prompt"] for row in rows] == ["Why?"]
    assert said == ["This row says the units of the columns, and is not read as a question."]


async def test_a_question_in_brackets_is_asked(process: SidecarProcess, tmp_path: Path) -> None:
    rows, _ = await imported(process, tmp_path / "t.csv", "prompt,n\n(Why?),1\n[Who?],[2]\n")
    assert [row["prompt"] for row in rows] == ["(Why?)", "[Who?]"]
    rows, _ = await imported(process, tmp_path / "t.csv", "prompt\n(Why?)\n")
    assert [row["prompt"] for row in rows] == ["(Why?)"]


@field("files", "rows in YAML")
@pytest.mark.parametrize(
    "text", ["- Why?\n- Who?\n", "# mine\n---\n- Why?\n", "- - Why?\n", "'a b':\n  - Why?\n"]
)
async def test_any_yaml_is_told_as_what_it_is(text: str, process: SidecarProcess, tmp_path: Path) -> None:
    with pytest.raises(RpcError, match="The file is YAML"):
        await imported(process, tmp_path / "t.yaml", text)


@field("files", "tests of promptfoo without their question")
async def test_tests_without_their_question_say_that_a_template_is_missing(
    process: SidecarProcess, tmp_path: Path
) -> None:
    content = json.dumps([{"vars": {"city": "Rome"}, "assert": [{"type": "equals", "value": "x"}]}])
    rows, said = await imported(process, tmp_path / "t.json", content)
    assert not rows
    assert len(said) == 1
    assert "whose question stands in another file. Give the question as a template" in said[0]
    assert "{{city}}" in said[0]
