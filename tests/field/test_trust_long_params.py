"""Params of millions of letters or items are refused in little memory, while others are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import sidecar
from tests.field.test_trust_files import refusal
from tests.field.test_trust_memory import staying_small

# A process of its own from the first: what is forked has all modules in its memory.
pytestmark = pytest.mark.usefixtures("real_starts")

LETTERS = 30_000_000
ITEMS = 1_000_000


@pytest.mark.parametrize("step", ["a/", "../", "./", "//"])
async def test_a_path_of_thirty_million_letters_is_refused_in_little_memory(
    tmp_path: Path, step: str
) -> None:
    path = f"{tmp_path}/" + step * (LETTERS // len(step))
    async with sidecar(tmp_path / "data") as process:
        project = await process.call("project:create", {"name": "Paths"})
        async with staying_small(process, "store.atomic_files.MOST_PATH_LETTERS") as told:
            for method, params in (
                ("data:backup", {}),
                ("data:export", {}),
                ("data:restore", {}),
                ("batch:import", {}),
                ("conversation:import", {"projectId": project["id"]}),
                ("conversation:export", {"projectId": project["id"], "format": "json"}),
            ):
                error = await refusal(process, method, {**params, "path": path})
                assert (error.data["kind"], "too long" in error.message) == ("invalid_params", True), method
                assert len(error.message) < 200
            told.append(error.message)


@pytest.mark.parametrize(
    ("method", "params", "member"),
    [
        ("batch:export", {"jobId": "j", "path": "/x.csv", "format": "csv"}, "columns"),
        ("batch:report", {"jobIds": ["j"], "path": "/x.html"}, "beside"),
        ("models:save", {"provider": "lab", "id": "m"}, "features"),
    ],
)
async def test_a_million_wrong_items_are_refused_in_little_memory(
    tmp_path: Path, method: str, params: dict[str, Any], member: str
) -> None:
    async with (
        sidecar(tmp_path / "data") as process,
        staying_small(process, "methods.routes.MOST_ISSUES") as told,
    ):
        error = await refusal(process, method, {**params, member: [5] * ITEMS})
        assert error.code == -32602
        assert len(error.data["issues"]) <= 100
        told.append(error.message)
