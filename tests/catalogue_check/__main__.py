"""Fetch both lists into a folder of their own, install nothing of them, and print where they disagree with ours.

    python -m tests.catalogue_check FOLDER

What the packages hold is read as data, or run in an environment of its own: neither belongs to this project.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sidecar.money.catalogue import Catalogue
from tests.catalogue_check.compare import Found, by_kind, compare
from tests.catalogue_check.lists import from_genai_prices, from_litellm

DUMP = Path(__file__).parent / "dump.py"


def main(folder: Path) -> None:
    """Print the disagreements, by kind."""
    folder.mkdir(parents=True, exist_ok=True)
    python = _environment(folder / "environment")
    _run(python, "-m", "pip", "install", "--quiet", "--upgrade", "genai-prices")
    theirs = from_genai_prices(json.loads(_run(python, str(DUMP))))
    version = _run(python, "-m", "pip", "show", "genai-prices").split("Version: ")[1].split("\n")[0]
    lists = {f"genai-prices {version}": theirs}
    wheel = _litellm(python, folder)
    lists[f"litellm {wheel.name.split('-')[1]}"] = from_litellm(_prices_in(wheel))
    ours = Catalogue.load()
    today = datetime.now(UTC).date()
    for name, entries in lists.items():
        _print(name, compare(ours, entries, today))


def _print(name: str, found: list[Found]) -> None:
    sys.stdout.write(f"\n{name}: {len(found)} differences\n")
    for kind, rows in by_kind(found).items():
        sys.stdout.write(f"\n  {kind} ({len(rows)})\n")
        sys.stdout.writelines(f"    {row.model}: {row.text}\n" for row in rows)


def _environment(place: Path) -> str:
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(place, with_pip=True)
    return str(python)


def _litellm(python: str, folder: Path) -> Path:
    """The newest wheel as a file: it is never installed, only its list of prices is read."""
    for old in folder.glob("litellm-*.whl"):
        old.unlink()
    _run(python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "litellm")
    return next(folder.glob("litellm-*.whl"))


def _prices_in(wheel: Path) -> dict[str, Any]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if "model_prices_and_context_window" in each)
        found: dict[str, Any] = json.loads(archive.read(name))
        return found


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[1:4])} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
