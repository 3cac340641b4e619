"""The command line as a process of its own, and tables for it to run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.helpers.terminal import run


async def abai(
    data_dir: Path, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run a command over simulated vendors. Return its exit code, standard output and standard error."""
    command = [sys.executable, "-m", "sidecar.cli", "--mock", "--data-dir", str(data_dir), *arguments]
    return await run(*command, stdin=stdin, env=env)


def table(folder: Path, *lines: str) -> str:
    """Write a table of prompts and models, and return its path."""
    path = folder / "prompts.csv"
    path.write_text("\n".join(["prompt,model", *lines]) + "\n", encoding="utf-8")
    return str(path)
