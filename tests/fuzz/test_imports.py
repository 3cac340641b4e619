"""Whatever a file of rows holds, it is read or refused with a sentence, soon, and each row that is read is a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import strategies as st

from sidecar.batch.files.import_rows import Format, import_text
from sidecar.errors import Failure
from tests.fuzz.drawn import drawn
from tests.fuzz.test_frames import JSON
from tests.helpers.process import RpcError
from tests.helpers.sidecar import mock_process
from tests.helpers.soak import longer

EXAMPLES = longer(100, 300)
ENDINGS = ("csv", "tsv", "json", "jsonl")
NAMES = st.sampled_from(
    ["prompt", "model", "id", "temperature", "jsonMode", "Prompt", "data", "rows", "", "text"]
)
ROWS = st.dictionaries(NAMES, JSON, max_size=4).map(json.dumps)
CELLS = st.lists(
    NAMES | st.text(max_size=6) | st.sampled_from(['"', '""', "1e999", "\0", "=1+1"]), max_size=5
)
TABLES = st.tuples(st.sampled_from([",", ";", "\t", "|"]), st.lists(CELLS, max_size=4)).map(
    lambda table: "\n".join(table[0].join(cells) for cells in table[1])
)
JOINED = st.tuples(
    st.sampled_from(["\n", ",", "\r\n", ""]), st.lists(ROWS | JSON.map(json.dumps), max_size=4)
).map(lambda parts: parts[0].join(parts[1]))
WRAPPED = st.tuples(
    st.sampled_from(["[", '{"rows":[', "\ufeff[", "", "[["]), JOINED, st.sampled_from(["]", "]}", ""])
).map("".join)
TEXTS = st.text(max_size=60) | TABLES | WRAPPED


@pytest.mark.parametrize("format", get_args(Format))
async def test_no_text_is_a_bug_of_ours_whatever_its_format_is_called(format: Format) -> None:  # noqa: A002
    for text in drawn(TEXTS, EXAMPLES):
        sentence = ""
        try:
            found = json.loads(await import_text(text, format))
        except Failure as refusal:
            sentence, found = refusal.message, {"rows": [], "errors": []}
        assert sentence == "" or sentence.endswith("."), text
        assert all(row["prompt"] and isinstance(row["id"], str) for row in found["rows"]), text
        assert all(error["message"] for error in found["errors"]), text


async def test_no_bytes_of_a_file_are_a_bug_of_ours(tmp_path: Path) -> None:
    contents = drawn(st.binary(max_size=200) | TEXTS.map(str.encode) | TEXTS.map(utf_16), EXAMPLES)
    async with mock_process(tmp_path / "data") as process:
        for number, content in enumerate(contents):
            path = tmp_path / f"rows.{ENDINGS[number % len(ENDINGS)]}"
            path.write_bytes(content)
            code = 0
            try:
                await process.call("batch:import", {"path": str(path)})
            except RpcError as error:
                code = error.code
            assert code != -32603, content
        assert (await process.call("system:health"))["status"]


def utf_16(text: str) -> bytes:
    return text.encode("utf-16")
