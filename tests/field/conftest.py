from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.field.full_place import Place, place_of
from tests.field.lab import Lab, one_lab


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """One for all tests of a module, which say that their loop is the module's."""
    async with one_lab(tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_of(tmp_path) as made:
        yield made
