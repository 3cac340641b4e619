"""A data folder that is another user's: each answer is a sentence, nothing is called damaged, nothing is touched."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.disk import AS_A_PERSON
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="root gives up its rights as Linux has it")

CALLS = ("project:list", "data:check", "data:salvage", "data:backups", "system:doctor")


@pytest.mark.parametrize(
    ("of_the_folder", "of_the_files"),
    [(0o000, 0o600), (0o500, 0o400), (0o500, 0o000), (0o700, 0o000)],
    ids=["closed", "readable", "files closed in a readable folder", "files closed in an open folder"],
)
async def test_a_database_that_this_user_may_not_read_is_not_called_damaged(
    of_the_folder: int, of_the_files: int, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    async with SidecarProcess(command(data), env=quiet_environment()) as process:
        await process.call("project:create", {"name": "Theirs"})
        process.close_stdin()
        assert await process.wait() == 0
    files = [data / "abai.db", data / "abai.db.lock"]
    before = files[0].read_bytes()
    for file in files:
        file.chmod(of_the_files)
    data.chmod(of_the_folder)
    try:
        async with SidecarProcess([*AS_A_PERSON, *command(data)], env=quiet_environment()) as process:
            assert (await process.call("system:health"))["status"] == "degraded"
            kinds = set()
            for method in CALLS:
                try:
                    told = str(await process.call(method, {"full": True} if method == "data:check" else None))
                except RpcError as error:
                    kinds.add(error.data["kind"])
                    told = error.message
                assert "damaged" not in told, (method, told)
            assert kinds == {"storage_error"}
            with pytest.raises(RpcError, match="permissions"):
                await process.call("data:check", {"full": True})
    finally:
        data.chmod(0o700)
        for file in files:
            file.chmod(0o600)
    assert files[0].read_bytes() == before
    assert not list(data.glob("abai.db.before-*"))
