"""What the benchmark compares with, in an environment of its own below `build/bench`: nothing else needs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from tests.bench.pipe import REPOSITORY

HERE = Path(__file__).parent / "peer_programs"
HOME = REPOSITORY / "build" / "bench"
PYTHON = HOME / "python" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
NODE = HOME / "node"


def install() -> None:
    """Install both sides as their lists say, unless they are. Raises CalledProcessError."""
    if not _current(HOME / "python", HERE / "requirements.txt"):
        venv.create(HOME / "python", with_pip=True, clear=True)
        pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(HERE / "requirements.txt")], check=True)
        _note(HOME / "python", HERE / "requirements.txt")
    npm = shutil.which("npm")
    if npm is not None and not _current(NODE, HERE / "package.json"):
        NODE.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", NODE / "package.json")
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
            check=True,
            cwd=NODE,
        )
        _note(NODE, HERE / "package.json")


def has_python() -> bool:
    """Whether the Python peers are there."""
    return _current(HOME / "python", HERE / "requirements.txt")


def has_node() -> bool:
    """Whether the Node peers are there."""
    return shutil.which("node") is not None and _current(NODE, HERE / "package.json")


def node(database: Path) -> list[str]:
    """Return the command of vscode-jsonrpc with better-sqlite3 over a database."""
    return ["node", str(HERE / "node_rpc.js"), str(database)]


def python(script: str, *arguments: object) -> list[str]:
    """Return the command of a script among the Python peers."""
    return [str(PYTHON), str(HERE / script), *map(str, arguments)]


def chat(package: str, base_url: str, rows: int, at_once: int) -> Any:
    """Return what `chat_client.py` told of a run of that package."""
    command = python("chat_client.py", package, base_url, rows, at_once)
    # litellm would look for a list of prices on the network first.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ran = subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300)
    return json.loads(ran.stdout.splitlines()[-1])


def _current(folder: Path, wanted: Path) -> bool:
    noted = folder / ".wanted"
    return noted.exists() and wanted.exists() and noted.read_text() == wanted.read_text()


def _note(folder: Path, wanted: Path) -> None:
    (folder / ".wanted").write_text(wanted.read_text())


if __name__ == "__main__":
    install()
