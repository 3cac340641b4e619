from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Self

import pytest

from sidecar.store.disk import Disk
from sidecar.store.synced_folder import service_of, warning


def at(path: str, marked: str = "", markers: Collection[str] = ()) -> list[tuple[str, Collection[str]]]:
    """The folders of a path, with markers in the one named `marked`."""
    return [(name, markers if name == marked else ()) for name in PurePosixPath(path).parts]


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/c/Users/ada/OneDrive/abai", "OneDrive"),
        ("/c/Users/ada/OneDrive - Contoso Ltd/Data/abai", "OneDrive"),
        ("/Users/ada/Library/CloudStorage/OneDrive-Personal/abai", "OneDrive"),
        ("/Users/ada/Library/CloudStorage/GoogleDrive-ada@example.com/My Drive/abai", "Google Drive"),
        ("/Users/ada/Library/CloudStorage/Box-Box/abai", "Box"),
        ("/Users/ada/Library/Mobile Documents/com~apple~CloudDocs/abai", "iCloud Drive"),
        ("/c/Users/ada/iCloudDrive/abai", "iCloud Drive"),
        ("/home/ada/Dropbox/abai", "Dropbox"),
        ("/home/ada/Dropbox (Personal)/abai", "Dropbox"),
        ("/home/ada/Nextcloud/abai", "Nextcloud"),
        ("/home/ada/.local/share/abai", None),
        ("/Users/ada/Library/Application Support/abai", None),
        ("/home/ada/my dropbox notes/abai", None),
        ("/home/ada/onedriver/abai", None),
    ],
)
def test_the_name_of_a_folder_says_which_service_keeps_it_in_step(path: str, service: str | None) -> None:
    assert service_of(at(path)) == service


@pytest.mark.parametrize(
    ("marker", "service"),
    [(".dropbox", "Dropbox"), (".stfolder", "Syncthing"), (".tmp.drivedownload", "Google Drive")],
)
def test_what_a_service_leaves_in_its_folder_gives_it_away_under_any_name(marker: str, service: str) -> None:
    assert service_of(at("/home/ada/Work/abai", "Work", [marker])) == service
    assert service_of(at("/home/ada/Work/abai", "Work", ["notes.txt"])) is None


class SlowFolder(type(Path())):  # type: ignore[misc]
    """A folder of a disk that answers only once something else has run."""

    others_ran = threading.Event()

    def absolute(self) -> Self:
        assert self.others_ran.wait(20), "nothing else could run meanwhile"
        return self


async def test_a_disk_that_takes_its_time_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    looking = asyncio.create_task(Disk().ask(partial(warning, SlowFolder(tmp_path)), 20))
    await asyncio.sleep(0)
    SlowFolder.others_ran.set()
    assert await looking is None
