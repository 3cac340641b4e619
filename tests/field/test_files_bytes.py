"""Files of which a few bytes are wrong: these rows are told, and no other is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.field.claims import field
from tests.field.lab import sidecar
from tests.field.test_files_imports import LUNA
from tests.helpers.process import RpcError, SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("bytes"), "--mock") as made:
        yield made


CUT = {
    "lines": (b'{"prompt":"a"}\n{"prompt":"b\xc3"}\n{"prompt":"c"}\n', 2),
    "lines, another byte": (b'{"prompt":"a"}\n{"prompt":"b\xff"}\n{"prompt":"c"}\n', 2),
    "lines, a Latin letter": (b'{"prompt":"a"}\n{"prompt":"caf\xe9"}\n{"prompt":"c"}\n', 2),
    "a list": (b'[{"prompt":"a"},{"prompt":"b\xff"},{"prompt":"c"}]', 2),
    "a list over lines": (b'[\n  {"prompt":"a"},\n  {"prompt":"b\xe4\xb8"},\n  {"prompt":"c"}\n]\n', 2),
    "a list in an object": (b'{"rows":[{"prompt":"a"},{"prompt":"b\xff"},{"prompt":"c"}]}', 2),
    "a table": (b"prompt,n\na,1\nGr\xc3,2\nc,3\n", 2),
    "a table, half of three bytes": (b"prompt;n\na;1\nb\xe4\xb8;2\nc;3\n", 2),
}


@field("files", "a byte that is cut or wrong among plain letters")
@pytest.mark.parametrize("case", CUT)
async def test_one_bad_byte_among_plain_letters_costs_its_own_row_alone(
    case: str, process: SidecarProcess, tmp_path: Path
) -> None:
    content, bad = CUT[case]
    (tmp_path / "f").write_bytes(content)
    found = await process.call("batch:import", {"path": str(tmp_path / "f"), "models": [LUNA]})
    assert [row["prompt"] for row in found["rows"]] == ["a", "c"]
    ((number, said),) = [(each["row"], each["message"]) for each in found["errors"]]
    assert number == bad
    assert "holds a byte that is not" in said


TABLE = "prompt,n\nGrüße 😀,1\nb,2\nc,3\n"
LINES = '{"prompt":"Grüße 😀"}\n{"prompt":"b"}\n{"prompt":"c"}\n'
DAMAGED = {
    "a table, its last byte gone": (TABLE.removesuffix("\n"), slice(None, -1), 3),
    "a table, half of an emoji at its end": (TABLE + "😀", slice(None, -2), 4),
    "a table, a byte put behind it": (TABLE, None, 4),
    "lines, the last byte gone": (LINES.removesuffix("\n"), slice(None, -1), 3),
    "lines, a byte put behind them": (LINES, None, 4),
}


@field("files", "a file in UTF-16 or UTF-32 that is cut off, or has a byte too many at its end")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("case", DAMAGED)
async def test_a_wide_file_that_was_cut_off_loses_its_last_row_alone(
    case: str, encoding: str, process: SidecarProcess, tmp_path: Path
) -> None:
    text, kept, bad = DAMAGED[case]
    content = text.encode(encoding)
    path = tmp_path / "f"
    path.write_bytes(content + b"\n" if kept is None else content[kept])
    found = await process.call("batch:import", {"path": str(path), "models": [LUNA]})
    assert [row["prompt"] for row in found["rows"]] == ["Grüße 😀", "b", "c"][: bad - 1]
    ((number, said),) = [(each["row"], each["message"]) for each in found["errors"]]
    assert number == bad
    assert f"holds a byte that is not {encoding}" in said
    assert "damaged or cut off there" in said


async def test_half_an_emoji_in_a_wide_table_costs_its_own_row_alone(
    process: SidecarProcess, tmp_path: Path
) -> None:
    begun, ended = "prompt,n\na,1\nb ".encode("utf-16"), ",2\nc,3\n".encode("utf-16-le")
    (tmp_path / "f.csv").write_bytes(begun + "😀".encode("utf-16-le")[:2] + ended)
    found = await process.call("batch:import", {"path": str(tmp_path / "f.csv"), "models": [LUNA]})
    assert [row["prompt"] for row in found["rows"]] == ["a", "c"]
    assert [each["row"] for each in found["errors"]] == [2]


async def test_a_file_that_is_not_in_the_encoding_that_was_said_is_refused(
    process: SidecarProcess, tmp_path: Path
) -> None:
    (tmp_path / "f.csv").write_bytes("prompt,n\nGrüße\n".encode() + b"x")
    params = {"path": str(tmp_path / "f.csv"), "models": [LUNA], "encoding": "utf-16"}
    with pytest.raises(RpcError, match="is not utf-16"):
        await process.call("batch:import", params)


@field("files", "lines of two encodings, put one behind the other")
async def test_lines_of_two_encodings_keep_those_of_the_one_and_tell_of_the_others(
    process: SidecarProcess, tmp_path: Path
) -> None:
    content = "prompt,n\nKöln,1\n東京,2\n".encode() + "Café,3\nÜber Öl,4\nplain,5\n".encode("latin-1")
    (tmp_path / "f.csv").write_bytes(content)
    found = await process.call("batch:import", {"path": str(tmp_path / "f.csv"), "models": [LUNA]})
    assert [row["prompt"] for row in found["rows"]] == ["Köln", "東京", "plain"]
    assert [each["row"] for each in found["errors"]] == [3, 4]
    content = "prompt,n\nKöln,1\n".encode() + "Café,2\nÜber Öl,3\n".encode("latin-1")
    (tmp_path / "f.csv").write_bytes(content)
    found = await process.call("batch:import", {"path": str(tmp_path / "f.csv"), "models": [LUNA]})
    assert [row["prompt"] for row in found["rows"]] == ["Köln"]
    assert [each["row"] for each in found["errors"]] == [2, 3]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1251", "Привет мир"),
        ("gbk", "请把这句话翻译成英文"),
        ("euc-kr", "안녕하세요 세계"),
    ],
)
async def test_a_file_in_another_encoding_is_still_asked_for_its_own(
    encoding: str, text: str, process: SidecarProcess, tmp_path: Path
) -> None:
    (tmp_path / "f.csv").write_bytes(f"prompt,n\n{text},1\n{text},2\n".encode(encoding))
    params = {"path": str(tmp_path / "f.csv"), "models": [LUNA]}
    with pytest.raises(RpcError, match="its encoding cannot be told"):
        await process.call("batch:import", params)
    found = await process.call("batch:import", {**params, "encoding": encoding})
    assert [row["prompt"] for row in found["rows"]] == [text, text]
