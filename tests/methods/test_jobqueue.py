"""The renderer's own states: what it saved last it gets back, and nothing it says reaches the disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.helpers.inside import Inside, inside

LONG = {"rows": [{"id": f"r{n}", "answer": "ä" * 1_000, "cost": n / 7} for n in range(3_000)]}


async def load(app: Inside, batch_id: str) -> Any:
    return (await app.ask("jobqueue:load-state", {"batchId": batch_id}))["result"]


async def save(app: Inside, batch_id: str, state: Any) -> None:
    assert (await app.ask("jobqueue:save-state", {"batchId": batch_id, "state": state}))["result"] is None


@pytest.mark.parametrize(
    "state",
    [{}, [], None, 0, "", False, 1.5, {"deep": [[[{"a": None}]]]}, {"ü": "\U0001f600"}, {"n": 2**70}, LONG],
)
async def test_a_state_comes_back_as_it_was(app: Inside, state: Any) -> None:
    await save(app, "b", state)
    assert await load(app, "b") == (state if state != {"n": 2**70} else {"n": float(2**70)})


async def test_a_state_is_there_after_a_restart(tmp_path: Path) -> None:
    async with inside(tmp_path) as app:
        await save(app, "b", LONG)
    async with inside(tmp_path) as app:
        assert await load(app, "b") == LONG


async def test_a_state_that_another_program_damaged_is_told_and_can_be_cleared(tmp_path: Path) -> None:
    async with inside(tmp_path) as app:
        await save(app, "b", {"rows": [1]})
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
        conn.execute("""UPDATE jobqueue_states SET state = '{"rows": [1'""")
        conn.commit()
    async with inside(tmp_path) as app:
        answer = await app.ask("jobqueue:load-state", {"batchId": "b"})
        assert answer["error"]["data"]["kind"] == "storage_error"
        assert "is damaged" in answer["error"]["message"]
        await app.ask("jobqueue:clear-state", {"batchId": "b"})
        assert await load(app, "b") is None


async def test_of_states_sent_at_once_the_last_one_wins(tmp_path: Path) -> None:
    # From the very first moment on: while the database is still being opened, too.
    async with inside(tmp_path) as app:
        for number in range(300):
            state = {"completed": number, **(LONG if number % 100 == 0 else {})}
            params = {"batchId": f"b{number % 3}", "state": state}
            app.send({"jsonrpc": "2.0", "method": "jobqueue:save-state", "params": params})
        assert [(await load(app, f"b{n}"))["completed"] for n in range(3)] == [297, 298, 299]


@pytest.mark.parametrize(
    "batch_id",
    ["b-1", "../../../etc/passwd", "C:\\Windows\\x", "a/b.jobqueue", "ü \n\t'\";--", "\0", "." * 5_000],
)
async def test_any_text_is_a_batch_id_and_none_is_a_file(app: Inside, tmp_path: Path, batch_id: str) -> None:
    await load(app, batch_id)  # which waits for the database; its files are all there then
    before = sorted(path.name for path in tmp_path.rglob("*"))
    await save(app, batch_id, {"id": batch_id})
    assert await load(app, batch_id) == {"id": batch_id}
    files = (await app.ask("jobqueue:list-files", {"directory": "jobqueue"}))["result"]
    assert files == [f"{batch_id}.jobqueue"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


async def test_what_was_cleared_is_gone_and_clearing_again_is_no_error(app: Inside) -> None:
    await save(app, "a", 1)
    await save(app, "b", 2)
    for _ in range(2):
        assert (await app.ask("jobqueue:clear-state", {"batchId": "a"}))["result"] is None
    assert await load(app, "a") is None
    assert await load(app, "b") == 2


async def test_the_directory_is_a_name_and_any_other_is_empty(app: Inside, tmp_path: Path) -> None:
    await save(app, "b", 1)
    directory = (await app.ask("jobqueue:get-directory", [None]))["result"]
    assert not Path(directory).exists()
    assert (await app.ask("jobqueue:list-files", {"directory": directory}))["result"] == ["b.jobqueue"]
    for other in ("", "/", ".", str(tmp_path), f"{directory}/", f"/{directory}", "JOBQUEUE"):
        assert (await app.ask("jobqueue:list-files", {"directory": other}))["result"] == []


async def test_a_state_of_megabytes_does_not_hold_up_what_is_asked_beside_it(app: Inside) -> None:
    big = {"rows": [{"answer": "x" * 100_000} for _ in range(200)]}
    await save(app, "b", big)
    assert len(orjson.dumps(await load(app, "b"))) > 20_000_000
