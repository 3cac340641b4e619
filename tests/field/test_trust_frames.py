"""Large frames that come at once: little of them is held, and each is answered or refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

from sidecar.rpc.large_requests import TOO_MUCH_AT_ONCE
from tests.field.lab import MODEL, own_models, project, sidecar
from tests.field.test_trust_memory import MEGABYTE, staying_small
from tests.helpers.wire import request

LARGE = 30 * MEGABYTE
PROMPT = "word " * 2_000


async def test_large_frames_that_come_at_once_are_taken_one_after_the_other_or_refused(
    tmp_path: Path,
) -> None:
    row = {"prompt": PROMPT, "model": MODEL}
    async with (
        sidecar(tmp_path, models=own_models("http://127.0.0.1:9"), deadline=120) as process,
        staying_small(process, "rpc.large_requests.MOST_LARGE_BYTES") as told,
    ):
        rows = [row] * (LARGE // len(json.dumps(row)))
        asked = {"projectId": await project(process), "rows": rows}
        frame = json.dumps(request("batch:submit", asked, "large")).encode() + b"\n"
        for _ in range(24):
            process.send_raw(frame)
            await process.sent()
        said = [await process.read_message() for _ in range(24)]
        told.append(TOO_MUCH_AT_ONCE)
    taken = [each["result"]["totalRows"] for each in said if "result" in each]
    # How many have to wait for too long is the machine's matter.
    assert taken == [len(rows)] * len(taken) != []
    refused = [each["error"]["data"]["kind"] for each in said if "error" in each]
    assert refused == ["overloaded"] * len(refused)
    assert {each["id"] for each in said} == {"large"}
