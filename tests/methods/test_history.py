"""The renderer's history: rows in the order in which they were logged, and the old app's files taken over once."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from sidecar.methods import history as methods
from tests.helpers.inside import Inside, inside


async def read(app: Inside, project: str) -> Any:
    return (await app.ask("history:read", {"project": project}))["result"]


def old_file(data_dir: Path, name: str, text: str | bytes) -> Path:
    path = data_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


async def test_rows_are_read_oldest_first_and_by_project(app: Inside) -> None:
    for number in range(5):
        await app.ask("history:log", {"project": "A" if number % 2 else "B", "row": {"n": number, "t": None}})
    assert await read(app, "A") == [{"n": 1, "t": None}, {"n": 3, "t": None}]
    assert [row["n"] for row in await read(app, "B")] == [0, 2, 4]
    assert await read(app, "a") == []


async def test_a_long_history_is_read_whole(app: Inside) -> None:
    count = 2 * methods.PAGE_ROWS + 1
    for number in range(count):
        row = {"n": number, "text": "ü"}
        app.send({"jsonrpc": "2.0", "method": "history:log", "params": {"project": "P", "row": row}})
    await app.ask("history:log", {"project": "P", "row": {"n": count}})
    assert [row["n"] for row in await read(app, "P")] == list(range(count + 1))


async def test_history_is_there_after_a_restart(tmp_path: Path) -> None:
    async with inside(tmp_path) as app:
        await app.ask("history:log", {"project": "P", "row": {"a": "line\nbreak"}})
    async with inside(tmp_path) as app:
        assert await read(app, "P") == [{"a": "line\nbreak"}]


async def test_the_folder_is_not_opened_from_here(app: Inside) -> None:
    assert (await app.ask("history:open-folder", {"project": "P"}))["result"] is None
    assert (await app.ask("history:open-folder"))["result"] is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('[{"n": 1},\n {"n": 2}]', [{"n": 1}, {"n": 2}]),
        ('{"n": 1}\r\n\r\n{"n": 2}\n', [{"n": 1}, {"n": 2}]),
        ('{"n": 1}', [{"n": 1}]),
        ('\ufeff{"rows": [{"n": 1}], "version": 3}', [{"n": 1}]),
        ("", []),
        ('{"n": 1}\n{"n": 2}\n{"n":', [{"n": 1}, {"n": 2}]),
    ],
)
async def test_old_history_in_any_likely_form_comes_before_the_new(
    tmp_path: Path, text: str, rows: list[Any]
) -> None:
    path = old_file(tmp_path, "history/Tender 5.abai", text)
    async with inside(tmp_path) as app:
        await app.ask("history:log", {"project": "Tender 5", "row": {"n": "new"}})
        assert await read(app, "Tender 5") == [*rows, {"n": "new"}]
    assert path.read_bytes() == text.encode()


async def test_old_files_are_taken_over_once(tmp_path: Path) -> None:
    old_file(tmp_path, "history/P.abai", '[{"n": 1}]')
    old_file(tmp_path, "history/b-1.jobqueue", '{\n "rows": [1]\n}')
    old_file(tmp_path, "jobqueue/b-2.jobqueue", "[2.50]")
    async with inside(tmp_path) as app:
        await app.ask("jobqueue:clear-state", {"batchId": "b-1"})
    old_file(tmp_path, "history/late.abai", '[{"n": 9}]')
    async with inside(tmp_path) as app:
        assert await read(app, "P") == [{"n": 1}]
        assert await read(app, "late") == []
        assert (await app.ask("jobqueue:load-state", {"batchId": "b-1"}))["result"] is None
        assert (await app.ask("jobqueue:load-state", {"batchId": "b-2"}))["result"] == [2.5]


async def test_what_cannot_be_read_is_left_alone_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {
        "history/binary.abai": b"\xff\xfe\x00\x01",
        "history/words.abai": b"just words",
        "history/numbers.abai": b"[1, 2]",
        "history/deep.abai": b"[" * 200_000,
        "history/nan.jobqueue": b'{"n": NaN}',
        "history/half.abai": b'{"n": 1}\n{"n":',
    }
    for name, content in bad.items():
        old_file(tmp_path, name, content)
    (tmp_path / "history" / "folder.abai").mkdir()
    old_file(tmp_path, "history/notes.txt", "not looked at")
    with caplog.at_level(logging.WARNING, "sidecar.store"):
        async with inside(tmp_path) as app:
            assert await read(app, "half") == [{"n": 1}]
            assert await read(app, "numbers") == []
        named = " ".join(record.getMessage() for record in caplog.records)
        assert all(name in named for name in [*bad, "history/folder.abai"])
        assert "notes.txt" not in named
        caplog.clear()
        async with inside(tmp_path) as app:
            assert await read(app, "half") == [{"n": 1}]
        assert not [record for record in caplog.records if "could not be read" in record.getMessage()]
    assert {name: (tmp_path / name).read_bytes() for name in bad} == bad


async def test_many_old_rows_are_taken_over_whole(tmp_path: Path) -> None:
    rows = [{"n": number, "text": "x" * 100} for number in range(20_000)]
    old_file(tmp_path, "history/P.abai", "\n".join(map(json.dumps, rows)))
    async with inside(tmp_path) as app:
        assert await read(app, "P") == rows
