"""A test that hangs costs its own time, is told with the line on which it waits, and keeps no other from running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

HANGING = """
import asyncio

async def test_waits_for_what_never_comes():
    never = asyncio.Event()
    await never.wait()  # the line that hangs

async def test_does_not_let_itself_be_cancelled():
    async def stubborn():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
    await asyncio.create_task(stubborn())

def test_is_well():
    pass
"""


def test_a_test_that_hangs_fails_with_the_line_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING, "utf-8")
    # The limits of pyproject.toml and of tests/conftest.py, made short.
    limits = ["timeout=1", "teardown_timeout=2"]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest"),
            *("--numprocesses", "1", *(word for each in limits for word in ("-o", each))),
            str(tmp_path / "test_hanging.py"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "never.wait()  # the line that hangs" in ran.stdout.partition("where each task waits")[2], (
        ran.stdout
    )
    assert "crashed while running" in ran.stdout
    assert "3 failed, 1 passed" in ran.stdout
