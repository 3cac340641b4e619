"""Batches of vendors whose rows take the process while they are put together: after two deaths a person is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.crash.test_unbegun_rows import POISON
from tests.field.lab import project
from tests.field.test_trust_sending import only_job
from tests.field.vendors import closed, native, until, vendors
from tests.helpers.crashing import KILLED

PLANNING = f"part-planning@{POISON}"


async def test_a_native_batch_whose_planning_kills_the_process_twice_is_set_aside_until_a_person_starts_it(
    tmp_path: Path,
) -> None:
    rows = [{"prompt": prompt, "model": "openai/gpt-4o"} for prompt in ("Why?", f"{POISON}?")]
    async with vendors() as there:
        async with native(tmp_path, there, ABAI_CRASH_AT=PLANNING) as process:
            params = {"projectId": await project(process), "rows": rows, "providerName": "openai"}
            process.start_call("batch:submit-native", params)
            async with asyncio.timeout(60):
                assert await process.wait() == KILLED
        async with native(tmp_path, there, ABAI_CRASH_AT=PLANNING) as process:
            process.start_call("initialize", {"protocolVersion": "1.0"})
            async with asyncio.timeout(60):
                assert await process.wait() == KILLED
        for _ in range(2):
            async with native(tmp_path, there, ABAI_CRASH_AT=PLANNING) as process:
                job_id = str((await only_job(process))["id"])
                found = await until(process, job_id, lambda found: found["status"] != "processing")
                assert found["status"] == "pending"
                assert "set aside" in found["error"]
                assert "Nothing of them has left" in found["error"]
        assert not there.batches
        async with native(tmp_path, there) as process:
            await process.call("batch:start", {"jobId": job_id})
            assert (await closed(process, job_id))["completedRows"] == 2
        assert len(there.batches) == 1
