"""What makes a person's or a model's words dear in other ways than the pattern of a schema, beside the real process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import serving
from tests.field.lab import LAB_USD, MODEL, ask, own_models, project, refused, sidecar
from tests.field.test_trust_checks import PROMPT_SECONDS, ended_row, saying, stays_alive

DEEP = 40
# Each refers twice to the next one: as many looks as two to the power of forty.
FAN_OUT = {
    "$ref": "#/$defs/a0",
    "$defs": {
        f"a{number}": {"allOf": [{"$ref": f"#/$defs/a{number + 1}"}, {"$ref": f"#/$defs/a{number + 1}"}]}
        for number in range(DEEP)
    }
    | {f"a{DEEP}": {"type": "object"}},
}
DEAR_NAMES = {"type": "object", "patternProperties": {"^(a+)+$": {"type": "string"}}}
NAMED = json.dumps({"a" * 40 + "!": "x"})
ADDRESS = {"type": "object", "propertyNames": {"pattern": r"^([\w.-]+\/?)+$"}}


@pytest.mark.parametrize(
    ("schema", "reply"),
    [(FAN_OUT, "{}"), (DEAR_NAMES, NAMED), (ADDRESS, NAMED)],
    ids=["references", "names by pattern", "names"],
)
async def test_references_and_names_that_take_for_ever_to_check_are_told_while_others_are_answered(
    schema: dict[str, Any], reply: str, tmp_path: Path
) -> None:
    async with (
        serving(saying(reply), saying("Good morning")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        error = asyncio.ensure_future(refused(process, "Where?", options={"jsonSchema": schema}))
        await server.requests(1)
        async with asyncio.timeout(PROMPT_SECONDS):
            assert (await ask(process))["answer"] == "Good morning"
        assert await stays_alive(process, error) > 1
        told = (await error).data
        assert (told["kind"], told["detail"]) == ("invalid_output", reply)
        assert "longer than 2 seconds" in str(await error)
        assert (await process.call("activity:stats"))["totalCost"] == pytest.approx(2 * LAB_USD)


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
