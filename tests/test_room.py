"""The tests' files are in memory only where a whole run has room there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.room import home

PLENTY = "MemTotal:       24000000 kB\nMemFree:         900000 kB\nMemAvailable:   20000000 kB\n"
LITTLE = PLENTY.replace("20000000", "2000000")


@pytest.mark.parametrize(
    ("told", "needed_mb", "fits"),
    [(PLENTY, 1, True), (LITTLE, 1, True), (LITTLE, 1_954, False), ("", 1, False), (PLENTY, 10**9, False)],
)
def test_the_memory_and_its_folder_must_both_have_the_room(
    told: str, needed_mb: int, fits: bool, tmp_path: Path
) -> None:
    memory = tmp_path / "meminfo"
    memory.write_text(told)
    assert home(tmp_path, memory, needed_mb) == (tmp_path if fits else None)


def test_a_system_without_such_a_folder_or_without_such_figures_keeps_them_on_the_disk(
    tmp_path: Path,
) -> None:
    memory = tmp_path / "meminfo"
    assert home(tmp_path, memory, 0) is None
    memory.write_text(PLENTY)
    assert home(tmp_path / "none", memory, 0) is None


def test_the_folder_that_is_printed_is_there_and_empty() -> None:
    command = [sys.executable, "-m", "tests.helpers.room"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY)
    # Raises where it is not there, or not empty.
    Path(done.stdout.strip()).rmdir()
