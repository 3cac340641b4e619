"""Networks that want a login first, met by the second part of a batch: its rows wait, for nothing of them has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.hostile import Answer, head, raw
from tests.field.lab import project
from tests.field.vendors import Misbehaviour, closed, native, rows, until, vendors
from tests.helpers.process import RpcError

PAGE = b"<html><head><title>Hotel</title></head><body>Please log in</body></html>"
ELSEWHERE = {"location": "http://login.hotel.example/"}
LOGINS = {
    "a page": raw(head(200, content_type="text/html"), PAGE),
    "a redirect": raw(head(302, ELSEWHERE)),
    "another redirect": raw(head(303, ELSEWHERE), PAGE),
    "the status for it": raw(head(511, content_type="text/html"), PAGE),
}
STEPS = {"the upload": r"POST /v1/files", "the creation": r"POST /v1/batches$"}
# One batch takes rows of one model.
ROWS = [{"prompt": "One", "model": "openai/gpt-4o"}, {"prompt": "Two", "model": "openai/gpt-4o-mini"}]


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_later_part_waits_for_a_network_that_wants_a_login(
    step: str, login: str, tmp_path: Path
) -> None:
    away = Misbehaviour(STEPS[step], LOGINS[login], times=3, skip=1)
    async with vendors(away) as there, native(tmp_path, there) as process:
        params = {"projectId": await project(process), "rows": ROWS, "providerName": "openai"}
        job_id = (await process.call("batch:submit-native", params))["jobId"]
        await until(process, job_id, lambda _: away.left == 0)
        found = await closed(process, job_id)
        came = await rows(process, job_id)
        assert len(there.batches) == 2, "each is created once"
    assert [row["status"] for row in came] == ["success", "success"]
    assert (found["status"], found["failedRows"]) == ("completed", 0)


@pytest.mark.parametrize("login", LOGINS)
async def test_the_login_of_a_network_is_told_to_who_hands_a_batch_over(login: str, tmp_path: Path) -> None:
    away: Answer = LOGINS[login]
    async with vendors(Misbehaviour(STEPS["the upload"], away)) as there, native(tmp_path, there) as process:
        params = {"projectId": await project(process), "rows": ROWS[:1], "providerName": "openai"}
        with pytest.raises(RpcError) as caught:
            await process.call("batch:submit-native", params)
        assert not there.batches
    assert "login" in caught.value.message
