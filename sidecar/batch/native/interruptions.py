"""What was at work when the process died: after two deaths in a row it waits for a person (transactions).

At work is a part that is being sent, or whose results are being read, and a job whose rows are put together for a part:
each may take the process with it. What is sent may be paid, so a sending is on the disk before its creation is asked
for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from sidecar.store import job_deaths
from sidecar.store.job_records import Job, VendorBatch
from sidecar.store.store import Store

T = TypeVar("T")

MOST_INTERRUPTIONS = 2
SET_ASIDE = (
    "A-B/AI ended twice in a row while it read the results of this batch, so it was set aside and is not looked after "
    "by itself any more. What has run at the provider is paid, and can still be fetched: start the batch to go on."
)
UNSENT = (
    "A-B/AI ended twice in a row while it sent this batch to the provider, so it was set aside and is not sent again "
    "by itself: it might be paid twice. Start the batch to look for it there once more and to send it where it is "
    "not, or cancel it."
)
UNPLANNED = (
    "A-B/AI ended twice in a row while it put rows of this batch together for the provider, so they were set aside and "
    "are not sent by themselves. Nothing of them has left. Start the batch to try once more."
)


def is_unplannable(job: Job) -> bool:
    """Whether no more of the job's rows are put together until a person wants it (pure)."""
    return job.mode == "native" and job.interruptions >= job_deaths.MOST_PLANS


def is_aside(part: VendorBatch) -> bool:
    """Whether nothing at all is done about the part until a person wants it (pure)."""
    return part.native_id is not None and part.interruptions >= MOST_INTERRUPTIONS


def is_unsendable(part: VendorBatch) -> bool:
    """Whether the part is looked for at its vendor, and not sent again until a person wants it (pure)."""
    return part.native_id is None and part.interruptions >= MOST_INTERRUPTIONS


def begin(conn: sqlite3.Connection, part_id: str) -> None:
    """The part is about to be sent, or its results to be read."""
    conn.execute("UPDATE batch_parts SET at_work = 1 WHERE id = ?", (part_id,))


def went_on(conn: sqlite3.Connection, part_id: str) -> None:
    """Some of it was done and stored: what took the process before does not take it every time."""
    conn.execute("UPDATE batch_parts SET interruptions = 0 WHERE id = ?", (part_id,))


async def going_on(
    store: Store, part: VendorBatch, pages: AsyncGenerator[T, None]
) -> AsyncGenerator[T, None]:
    """Yield the pages. With the first that is stored it is known that the last death was another thing's fault."""
    async with aclosing(pages):
        async for page in pages:
            yield page
            await store.write(went_on, part.id)


def uploaded(conn: sqlite3.Connection, part_id: str) -> None:
    """The part's input is where it belongs: before any creation was asked for, it was that which took the process."""
    conn.execute("UPDATE batch_parts SET interruptions = 0 WHERE id = ? AND submitted_at IS NULL", (part_id,))


def leave_off(conn: sqlite3.Connection, part_id: str) -> None:
    """The process ends in order, in the middle of it: that is no death, and says nothing of those before."""
    conn.execute("UPDATE batch_parts SET at_work = 0 WHERE id = ?", (part_id,))


def end(conn: sqlite3.Connection, part_id: str) -> None:
    """The process has survived it."""
    conn.execute("UPDATE batch_parts SET at_work = 0, interruptions = 0 WHERE id = ?", (part_id,))


def count(conn: sqlite3.Connection) -> None:
    """To be called once at a start: what was at work has not survived it."""
    conn.execute("UPDATE batch_parts SET at_work = 0, interruptions = interruptions + 1 WHERE at_work = 1")
    job_deaths.count_plans(conn)


def take_up(conn: sqlite3.Connection, job_id: str) -> None:
    """A person wants the job's parts to go on, or to be stopped."""
    conn.execute("UPDATE batch_parts SET interruptions = 0 WHERE job_id = ?", (job_id,))
    job_deaths.take_up(conn, job_id)
