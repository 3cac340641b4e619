"""The frozen sidecar, which `make package` and `make test` have made from the sources as they are now."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its executable, moved to where no checkout is, below a name with a space and an umlaut."""
    named = os.environ.get("ABAI_FROZEN")
    if not named:
        pytest.skip("nothing was frozen: `make package` does, and says in ABAI_FROZEN where it is")
    made = Path(named).absolute()
    app = tmp_path_factory.mktemp("app") / "A-B AI für alle" / "resources"
    shutil.copytree(made.parent, app / made.parent.name, symlinks=True)
    return app / made.parent.name / made.name
