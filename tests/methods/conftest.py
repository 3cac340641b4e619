from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.helpers.inside import Inside, inside


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(tmp_path, day="2026-11-23") as made:
        yield made
