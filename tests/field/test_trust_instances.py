"""Two apps on one data folder, where the file that keeps them apart is not as it was left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.field.lab import sidecar
from tests.field.vendors import native, submitted, vendors
from tests.helpers.process import RpcError

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a locked file cannot be removed there")


@POSIX
async def test_whoever_removes_the_locks_file_does_not_let_a_second_app_collect_the_same_batch(
    tmp_path: Path,
) -> None:
    async with vendors() as there, native(tmp_path, there, poll_seconds=3_600) as first:
        await submitted(first, "openai")
        (tmp_path / "abai.db.lock").unlink()
        async with native(tmp_path, there) as second:
            with pytest.raises(RpcError, match="Another A-B/AI is already using this data folder"):
                await second.call("project:list")
        assert there.count(r"GET /v1/(batches|files)/") == 0
    # It is nobody's any more once the first has ended.
    async with sidecar(tmp_path) as third:
        assert len(await third.call("project:list")) == 1


@POSIX
async def test_a_lock_that_leads_to_a_file_of_the_persons_leaves_what_is_in_it(tmp_path: Path) -> None:
    theirs, data = tmp_path / "notes.txt", tmp_path / "data"
    theirs.write_text("The only copy.", encoding="utf-8")
    data.mkdir()
    (data / "abai.db.lock").symlink_to(theirs)
    async with sidecar(data) as process:
        assert await process.call("project:list") == []
    assert theirs.read_text(encoding="utf-8") == "The only copy."
