"""A line of the log is of a length that a person, and who shows it, can bear, whatever went wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.logs import MOST_LINE_LETTERS
from tests.field import taint
from tests.field.lab import own_models, refused, sidecar

KEY = "k7f3Qz9+LmW2p/Xr8TnB5vYc1HdJ4sGa6=="


@pytest.mark.parametrize("style", ["text", "json"])
async def test_a_models_json_with_a_name_of_megabytes_makes_a_line_of_the_log_that_can_be_read(
    style: str, tmp_path: Path
) -> None:
    models: dict[str, Any] = own_models("http://127.0.0.1:9")
    models["models"][0] |= {(KEY + " name ") * 40_000: 1}
    environment = {"LAB_API_KEY": KEY}
    async with sidecar(
        tmp_path, "--log-format", style, models=models, environment=environment, deadline=60
    ) as process:
        await refused(process)
        line = await process.logged("no model is asked")
        assert len(line) <= MOST_LINE_LETTERS + 1_000
        if style == "json":
            assert "letters are left out" in json.loads(line)["message"]
        else:
            assert "letters are left out" in line
        assert taint.leaks("\n".join(process.stderr).encode(), KEY) == []
