"""What vendors, and what stands before them, say to a batch that is to stop: a no is no yes, nor is every yes meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, raw
from tests.field.test_batches_stops import CANCEL, SLOW
from tests.field.vendors import MODELS, Misbehaviour, Whole, native, submitted, until, vendors

ERROR = (200, b'{"error": {"message": "The backend is busy.", "code": 500}}')
IN_A_LIST = (200, b'[{"error": {"code": 503, "message": "The backend is busy.", "status": "UNAVAILABLE"}}]')


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize(
    ("said", "told"),
    [
        (ERROR, "The backend is busy."),
        (IN_A_LIST, "The backend is busy."),
        ((200, b"<html><title>Sign in</title></html>"), "answers with a web page"),
        (raw(), "broke the connection when it was to stop the batch"),
    ],
    ids=["an error", "an error in a list", "a page", "nothing at all"],
)
async def test_a_stop_is_asked_for_until_the_vendor_itself_says_yes(
    said: Whole | Answer, told: str, provider: str, tmp_path: Path
) -> None:
    no = Misbehaviour(CANCEL, said, times=1_000_000)
    async with vendors(no) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider, [f"One {SLOW}", "Two"])
        await process.call("batch:cancel", {"jobId": job_id})
        found = await until(process, job_id, lambda found: told in found.get("error", ""))
        assert f"{provider} has not confirmed that it stops this batch" in found["error"]
        assert "charged for the request" not in found["error"]
        no.left = 0
        await until(process, job_id, lambda found: "error" not in found)
        assert there.batches[0]["state"] in ("cancelling", "cancelled")


@field("batches", "a vendor is silent when it is to stop a batch")
@pytest.mark.parametrize("silent", ["the stop", "the stop and a look"])
async def test_a_stop_that_a_vendor_is_silent_about_is_told_and_asked_for_again(
    silent: str, tmp_path: Path
) -> None:
    hung = Answer([], keep_open=True)
    stop, look = Misbehaviour(CANCEL, hung, times=0), Misbehaviour(r"GET ", hung, times=0)
    async with vendors(stop, look) as there, native(tmp_path, there) as process:
        jobs = {name: await submitted(process, name, [f"One {SLOW}", "Two"]) for name in MODELS}
        stop.left = 1_000_000
        for job_id in jobs.values():
            await process.call("batch:cancel", {"jobId": job_id})
        await there.came(CANCEL, len(jobs))
        look.left = len(jobs) if silent != "the stop" else 0
        for name, job_id in jobs.items():
            found = await until(
                process, job_id, lambda found: "did not answer in time" in found.get("error", "")
            )
            assert f"{name} has not confirmed that it stops this batch" in found["error"]
        stop.left = 0
        for job_id in jobs.values():
            await until(process, job_id, lambda found: "error" not in found)
        assert {batch["state"] for batch in there.batches} <= {"cancelling", "cancelled"}


@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize(
    "said", [(204, b""), (202, b"Accepted"), (200, b"null")], ids=["204", "a word", "null"]
)
async def test_a_vendor_that_says_yes_and_goes_on_is_asked_to_stop_again(
    said: Whole, provider: str, tmp_path: Path
) -> None:
    deaf = Misbehaviour(CANCEL, said, times=2)
    async with vendors(deaf) as there, native(tmp_path, there) as process:
        job_id = await submitted(process, provider, [f"One {SLOW}", "Two"])
        await process.call("batch:cancel", {"jobId": job_id})
        await until(process, job_id, lambda found: there.batches[0]["state"] in ("cancelling", "cancelled"))
        assert there.count(CANCEL) >= 3
