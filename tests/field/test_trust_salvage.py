"""What is saved of a damaged database: how much of each table, how much not, and where the damaged one lies."""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import sidecar
from tests.field.test_trust_data import (
    DAMAGES,
    NAMES,
    damaged_folder,
    names,
    take_away,
    zeros_at_the_start,
)
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.terminal import run


def one_page_of_messages(content: bytes) -> bytes:
    """A single page of the table of messages is zeros: its indexes still name the rows that were in it."""
    at = content.index(b"30 northern sea") // 4096 * 4096
    return content[:at] + bytes(4096) + content[at + 4096 :]


def no_first_page(content: bytes) -> bytes:
    return bytes(4096) + content[4096:]


def no_root_of_messages(content: bytes) -> bytes:
    """The one page that leads to all pages of the table of messages is zeros."""
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.deserialize(content[:18] + b"\1\1" + content[20:])  # as if it had no log
        (root,) = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
    return content[: (root - 1) * 4096] + bytes(4096) + content[root * 4096 :]


async def salvaged(process: SidecarProcess) -> tuple[dict[str, Any], dict[str, Any]]:
    """The reply, and what it says of messages."""
    found = await process.call("data:salvage")
    return found, next(each for each in found["tables"] if each["name"] == "messages")


@pytest.mark.parametrize("damage", [*DAMAGES, one_page_of_messages])
async def test_what_can_be_read_of_a_damaged_database_is_saved_and_what_cannot_is_told(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    data, _ = await damaged_folder(tmp_path, damage)
    async with sidecar(data) as process:
        found, ours = await salvaged(process)
        messages = await process.call("messages:list", {"conversationId": "c", "limit": 100})
        assert len(messages) == ours["rows"] > 0
        assert len(await process.call("project:list")) >= 1
        if damage is zeros_at_the_start:  # only the header is gone
            assert (ours["rows"], await names(process), found["lost"]) == (60, set(NAMES), [])
        else:
            assert ours["rows"] < 60
            assert any(each.startswith(f"messages: {ours['rows']} row") for each in found["lost"])
            assert found["lost"][0] in found["summary"]
        lacking = 60 - ours["rows"]
        assert ours["missing"] == lacking if ours["counted"] else ours["missing"] <= lacking
        assert Path(found["kept"]).is_file()
        assert found["kept"] in found["summary"]
        assert (await process.call("system:doctor"))["salvaged"] == found["summary"]
        assert (await process.call("data:check", {"full": True}))["sound"] is True
        assert await process.call("data:salvage") == {"tables": [], "lost": []}


@pytest.mark.parametrize("damage", [no_first_page, no_root_of_messages])
async def test_a_page_that_only_leads_to_others_takes_no_row_with_it(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    data, _ = await damaged_folder(tmp_path, damage)
    async with sidecar(data) as process:
        found, ours = await salvaged(process)
        assert (ours["rows"], ours["missing"], ours["complete"]) == (60, 0, True)
        assert await names(process) == set(NAMES)
        assert not [each for each in found["lost"] if each.startswith(("messages", "projects"))]
        messages = await process.call("messages:list", {"conversationId": "c", "limit": 100})
        assert [each["content"].split()[0] for each in messages] == [str(number) for number in range(60)]
        assert (await process.call("data:check", {"full": True}))["sound"] is True


async def test_the_rows_that_a_damaged_page_held_are_counted_by_what_the_indexes_name(tmp_path: Path) -> None:
    data, copy = await damaged_folder(tmp_path, one_page_of_messages)
    async with sidecar(data) as process:
        found, ours = await salvaged(process)
        assert (ours["counted"], ours["complete"]) == (True, False)
        assert ours["rows"] + ours["missing"] == 60
        (told,) = found["lost"]
        assert re.fullmatch(r"messages: (\d+) rows were saved, (\d+) could not be read\.", told)
        # A backup in its place: nothing is lacking any more, and nothing is said of it.
        await process.call("data:restore", {"path": str(copy)})
        assert "salvaged" not in await process.call("system:doctor")


async def test_the_doctor_of_the_terminal_says_what_was_saved(tmp_path: Path) -> None:
    data, _ = await damaged_folder(tmp_path, one_page_of_messages)
    async with sidecar(data) as process:
        found, _ = await salvaged(process)
        process.close_stdin()
        assert await process.wait() == 0
    _, out, err = await run(sys.executable, "-m", "sidecar.cli", "--data-dir", str(data), "doctor")
    assert Path(found["kept"]).name in (out + err).replace("\n", ""), (out, err)


async def test_who_asks_to_save_what_is_readable_of_a_folder_that_was_moved_can_still_put_it_back(
    tmp_path: Path,
) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    async with sidecar(data) as process:
        await process.call("project:create", {"name": "mine"})
        take_away(data, "moved", elsewhere)
        checked = await process.call("data:check")
        assert checked["sound"] is False
        assert "put it back" in checked["advice"]
        assert "damaged" not in checked["advice"]
        with pytest.raises(RpcError, match="put it back"):
            await process.call("data:salvage")
        assert not data.exists()  # an empty database in its place would be taken for the person's own
        elsewhere.rename(data)
        assert "mine" in await names(process)
