"""A data folder that a service copies to other computers: said before it has spoilt anything."""

from __future__ import annotations

from pathlib import Path

from tests.field.lab import sidecar


async def test_a_data_folder_that_a_service_copies_is_warned_of(tmp_path: Path) -> None:
    marked = tmp_path / "Work"
    marked.mkdir()
    (marked / ".stfolder").mkdir()
    link = tmp_path / "link"
    real = tmp_path / "OneDrive - Contoso" / "abai"
    real.mkdir(parents=True)
    link.symlink_to(real, target_is_directory=True)
    for folder, service in (
        (tmp_path / "Dropbox" / "abai", "Dropbox"),
        (marked / "abai", "Syncthing"),
        (link, "OneDrive"),
    ):
        async with sidecar(folder) as process:
            health = await process.call("system:health")
            assert (health["status"], service in health["problem"]) == ("ok", True), health
            problems = (await process.call("system:doctor"))["problems"]
            assert [service in each for each in problems] == [True], problems
            # It is a warning: all works.
            await process.call("project:create", {"name": "P"})


async def test_nothing_is_warned_of_elsewhere(tmp_path: Path) -> None:
    async with sidecar(tmp_path / "data") as process:
        assert "problem" not in await process.call("system:health")
        assert (await process.call("system:doctor"))["problems"] == []
