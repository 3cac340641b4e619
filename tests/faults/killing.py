"""`kill -9` at random moments, while chats, a local batch and a native batch are at work in one folder."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

from tests.faults.fault import Counts, Fault
from tests.faults.stand import KEY, MODEL, planted, secrets_out
from tests.field import taint
from tests.helpers.crashing import KILLED, MODELS, Lane
from tests.helpers.process import SidecarProcess

KILLS = 3
# Of the time that a start and a whole job take on this machine: from before it serves until all is long under way.
EARLIEST, LATEST = 0.3, 2.5


async def killed(folder: Path, number: int) -> Counts:
    """Some kills over one folder, a run in peace, and then the books of both sides."""
    chance = random.Random(number)
    answers: set[str] = set()
    secrets = 0
    async with planted() as simulator:
        lane = Lane(folder, simulator)
        await lane.begin("openai", native=False)
        async with lane.sidecar() as process:
            talk = {"id": "c", "projectId": lane.project, "name": "Sea"}
            await process.call("conversation:create", talk)
        for kill in range(KILLS):
            after_ms = round(chance.uniform(EARLIEST, LATEST) * lane.span_ms)
            async with lane.sidecar(f"ms:{after_ms}") as process:
                working = asyncio.gather(
                    chats(process, f"{folder.name} chat {kill}", answers),
                    lane.submit(process, "openai", native=False),
                    lane.submit(process, chance.choice(list(MODELS)), native=True),
                    return_exceptions=True,
                )
                assert await process.wait() == KILLED
                working.cancel()
                secrets += secrets_out(process, folder)
        await lane.end()
        lane.check_rows()
        return await counted(lane, answers, secrets)


async def chats(process: SidecarProcess, name: str, answers: set[str]) -> None:
    """One question after the other until the process dies. What was answered is told as kept."""
    for number in range(10_000):
        question = {"content": f"{name} {number}", "modelId": MODEL, "conversationId": "c"}
        answers.add((await process.call("chat:send", question))["id"])


async def counted(lane: Lane, answers: set[str], secrets: int) -> Counts:
    """Hold what was told as kept, and what the vendors ran, against what is in the database."""
    rows = Counter(job for (job,) in lane.read("SELECT job_id FROM batch_results WHERE response IS NOT NULL"))
    missing = sum(lane.rows - rows[job] for job in lane.submitted)
    kept = {message for (message,) in lane.read("SELECT id FROM messages")}
    ledger = await lane.simulator.ledger()
    ran = Counter(entry["prompt"] for entry in ledger["requests"] if entry["state"] != "refused")
    ran_in_batches = Counter(each for batch in ledger["batches"] for each in batch["customIds"])
    unknown = Counter(
        prompt
        for (prompt,) in lane.read(
            "SELECT prompt FROM ledger JOIN batch_results ON batch_results.id = row_id "
            "WHERE state IN ('unknown', 'failed')"
        )
    )
    again = sum(max(0, times - 1 - unknown[prompt]) for prompt, times in ran.items())
    ((booked,),) = lane.read("SELECT count(*) FROM ledger")
    paid = ran.total() + ran_in_batches.total()
    return Counts(
        times=KILLS,
        kept=len(answers) + len(lane.submitted) * lane.rows,
        lost=missing + len(answers - kept) + max(0, paid - booked),
        paid=paid,
        paid_twice=again + sum(times - 1 for times in ran_in_batches.values()),
        secrets=secrets + len(taint.folder_leaks(lane.folder, KEY)),
    )


FAULTS = [
    Fault(
        "`kill -9` under mixed load",
        "the next start goes on by itself: every row of every job has one answer, every chat that was answered is kept",
        killed,
    )
]
