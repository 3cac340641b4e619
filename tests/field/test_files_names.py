"""Names of columns with remarks in them, options that a row has no place for, and rows that stand deeper."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.field.test_files_datasets import imported
from tests.helpers.process import SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("names"), "--mock") as made:
        yield made


@field("files", "a remark in the name of a column")
@pytest.mark.parametrize(
    "header",
    [
        "Prompt*,System (optional),Max tokens [int],temperature (0-2)",
        "*prompt,system message (text),max_tokens*,Temperature [0..2]",
        "Prompt (required) *,SYSTEM *,maxOutputTokens (number),temperature*",
    ],
)
async def test_a_remark_in_the_name_of_a_column_hides_no_field(
    header: str, process: SidecarProcess, tmp_path: Path
) -> None:
    rows, _ = await imported(process, tmp_path / "t.csv", f"{header}\nWhy?,S,100,0.5\n")
    assert rows == [
        {"id": "row-1", "prompt": "Why?", "system": "S", "maxOutputTokens": 100, "temperature": 0.5}
    ]


async def test_of_two_columns_for_a_field_the_very_name_is_used(
    process: SidecarProcess, tmp_path: Path
) -> None:
    rows, _ = await imported(process, tmp_path / "t.csv", "prompt (old),prompt\nWho?,Why?\n")
    assert (rows[0]["prompt"], rows[0]["data"]) == ("Why?", {"prompt (old)": "Who?"})
    rows, said = await imported(process, tmp_path / "t.csv", "prompt (a),prompt (b)\nWho?,Why?\n")
    assert (rows[0]["prompt"], rows[0]["data"]) == ("Who?", {"prompt (b)": "Why?"})
    assert any("prompt (b)" in each for each in said)


@field("files", "options that a row has no place for")
async def test_an_option_that_a_row_has_no_place_for_is_told(process: SidecarProcess, tmp_path: Path) -> None:
    rows, said = await imported(
        process, tmp_path / "t.csv", "prompt,top_p,Stop Sequences,city\nWhy?,0.9,END,Rome\n"
    )
    assert rows[0]["data"] == {"top_p": "0.9", "Stop Sequences": "END", "city": "Rome"}
    assert said == [
        'A row has no place for the options "top_p", "Stop Sequences": they are data, and not sent as options.'
    ]


ROWS = [{"prompt": "Why?", "n": 1}, {"prompt": "Who?", "n": 2}]
DEEP: dict[str, Any] = {
    "GraphQL": {"data": {"prompts": {"edges": [{"node": row} for row in ROWS], "pageInfo": {"more": False}}}},
    "Elasticsearch": {
        "took": 1,
        "hits": {"total": {"value": 2}, "hits": [{"_score": 1, "_source": row} for row in ROWS]},
    },
    "Strapi": {"data": [{"attributes": row} for row in ROWS], "meta": {"page": 1}},
    "GeoJSON": {
        "type": "FeatureCollection",
        "features": [{"properties": row, "geometry": None} for row in ROWS],
    },
    "splits": {"train": ROWS[:1], "test": ROWS[1:]},
    "deep": {"a": {"b": {"c": ROWS}}},
    "a list of one that holds them": [{"json_agg": ROWS}],
}


@field("files", "rows in a list that stands deeper")
@pytest.mark.parametrize("case", DEEP)
async def test_rows_are_found_however_deep_they_stand(
    case: str, process: SidecarProcess, tmp_path: Path
) -> None:
    rows, _ = await imported(process, tmp_path / "t.json", json.dumps(DEEP[case]))
    assert [(row["prompt"], row["data"]["n"]) for row in rows] == [("Why?", 1), ("Who?", 2)]


@field("files", "rows in a list that stands deeper")
async def test_a_list_in_each_line_gives_its_rows(process: SidecarProcess, tmp_path: Path) -> None:
    content = "\n".join(json.dumps([row]) for row in ROWS)
    rows, _ = await imported(process, tmp_path / "t.jsonl", content)
    assert [row["prompt"] for row in rows] == ["Why?", "Who?"]


async def test_a_row_with_an_object_of_its_own_stays_one_row(process: SidecarProcess, tmp_path: Path) -> None:
    row = {"prompt": "Why?", "about": {"prompt": "no question"}, "more": [{"prompt": "none"}]}
    rows, _ = await imported(process, tmp_path / "t.json", json.dumps(row))
    assert rows == [{"id": "row-1", "prompt": "Why?", "data": {"about": row["about"], "more": row["more"]}}]


@field("files", "what is nearly JSON")
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("p.json", "[{'prompt': 'Why?', 'n': None}]", "json.dump"),
        ("p.json", "[{prompt: 'Why?'}]", "double quotes"),
        ("p.json", 'export default [{"prompt": "Why?"}];', "before the first bracket"),
        ("p.json", 'callback([{"prompt": "Why?"}]);', "before the first bracket"),
        ("p.json", '[{"prompt": "Why?"}, {"prompt": "Wh', "What stands before was read; mend this place"),
        ("p.json", '[{"prompt": "Why?"} {"prompt": "Who?"}]', "mend this place"),
        ("p.jsonl", '{"prompt": "Why?"}\n{"prompt": }\n', "Mend it, or have the program"),
    ],
)
async def test_what_is_nearly_json_is_told_with_what_to_do(
    name: str, text: str, told: str, process: SidecarProcess, tmp_path: Path
) -> None:
    _, said = await imported(process, tmp_path / name, text)
    assert any(told in each for each in said), said
