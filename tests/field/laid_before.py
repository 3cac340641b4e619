"""A library of a few lines that is laid before the system's, so that a disk behaves for one process as a test wants."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def laid_before(source: str, scratch: Path, name: str) -> dict[str, str]:
    """Return the variable by which a process has it, built from this C. Skips where it cannot be."""
    compiler = shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("a library laid before the system's needs Linux and a compiler")
    scratch.mkdir(exist_ok=True)
    written, library = scratch / f"{name}.c", scratch / f"{name}.so"
    written.write_text(source, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, written, "-ldl"], check=True, timeout=60)
    return {"LD_PRELOAD": str(library)}
