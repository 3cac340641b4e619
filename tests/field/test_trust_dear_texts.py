"""What makes a person's or a model's words dear in other ways than the pattern of a schema, beside the real process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.field.hostile import serving
from tests.field.lab import LAB_USD, MODEL, own_models, project, sidecar
from tests.field.test_trust_checks import ended_row, saying, stays_alive


async def test_a_check_of_a_batch_that_takes_for_ever_decides_nothing_and_its_row_is_paid_once(
    tmp_path: Path,
) -> None:
    reply = "a" * 40 + "!"
    async with (
        serving(saying(reply)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        submission = {
            "projectId": await project(process),
            "rows": [{"id": "r", "prompt": "Why?", "model": MODEL}],
            "checks": [{"type": "regex", "pattern": "^(a+)+$", "name": "dear"}],
            "start": True,
        }
        job = (await process.call("batch:submit", submission))["id"]
        row = asyncio.ensure_future(ended_row(process, job))
        await stays_alive(process, row)
        shown = asyncio.ensure_future(process.call("batch:get-results", {"jobId": job}))
        assert await stays_alive(process, shown) > 0
        (found,) = await shown
        assert (found["status"], found["response"]) == ("success", reply)
        assert found["cost_usd"] == pytest.approx(LAB_USD)
        assert found["checks"][0]["passed"] is False
        assert "takes too long" in found["checks"][0]["note"]
        assert len(server.asked) == 1


async def test_a_template_that_is_filled_with_its_own_marks_a_million_times_is_filled_once(
    tmp_path: Path,
) -> None:
    async with (
        serving(saying("Good morning")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        text = "{{text}} {{{{ " * 100_000
        row = {"id": "r", "prompt": "{{text}}" * 3, "model": MODEL, "data": {"text": text}}
        made = {"projectId": await project(process), "rows": [row], "start": True}
        submitted = asyncio.ensure_future(process.call("batch:submit", made))
        await stays_alive(process, submitted)
        ended = asyncio.ensure_future(ended_row(process, (await submitted)["id"]))
        await stays_alive(process, ended)
        result = await ended
        if result["status"] == "success":
            assert text * 3 in json.dumps(server.asked[0].json, ensure_ascii=False)
        else:
            # So many do not fit into what the model reads: refused before anything is paid.
            assert server.asked == []
            assert result["errorMessage"]
