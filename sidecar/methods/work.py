"""work:* — what is running, and joining it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sidecar.chat.live_answers import Delay, LiveAnswer
from sidecar.errors import Failure
from sidecar.methods import batch_native, work_wire
from sidecar.methods.services import Request
from sidecar.store import jobs, ledger, ledger_lists, messages, pending_rows, row_sweeps, vendor_batches
from sidecar.store.answer_pieces import AnswerPiece
from sidecar.store.job_records import Job, VendorBatch
from sidecar.store.records import LedgerEntry, Message

if TYPE_CHECKING:
    from sidecar.contract.types import work as types


@dataclass(frozen=True, slots=True)
class _Batches:
    running: list[tuple[Job, int, list[str]]]
    parts: list[VendorBatch]


async def list_(call: Request, params: types.WorkListParams) -> dict[str, Any]:
    app = call.services
    app.news.watch_work()
    found = await app.store.read(_batches, params.project_id)
    holds = app.batches.holds()
    running = [
        {
            "job": await batch_native.shown(call, job),
            "rowsInFlight": in_flight,
            "waiting": [work_wire.hold(name, holds[name]) for name in waiting if name in holds],
        }
        for job, in_flight, waiting in found.running
    ]
    # The last thing that is looked at: between this and the answer's leaving nothing can happen.
    answers = [live for live in app.chat.live if params.project_id in (None, live.entry.project_id)]
    return {
        "turns": work_wire.turns(answers, texts=params.texts is not False),
        "jobs": running,
        "parts": [work_wire.part(part) for part in found.parts],
    }


async def attach(call: Request, params: types.WorkAttachParams) -> dict[str, Any]:
    if (params.turn_id is None) == (params.request_id is None):
        raise Failure("invalid_params", "Name the turn to join, or the request: one of the two.")
    call.services.news.watch_work()
    joined = _Joined(call, params)
    try:
        return {"answers": await joined.until_ended()}
    finally:
        joined.leave()


class _Joined:
    """Whoever has joined answers: each is told from where the client has it, once and in order."""

    def __init__(self, call: Request, params: types.WorkAttachParams) -> None:
        self._call, self._params = call, params
        self._live = call.services.chat.live
        self._answers: list[LiveAnswer] = []
        self._running = 0
        self._quiet = asyncio.Event()
        self._leaving: list[Callable[[], None]] = []
        # Without an await in between: what begins is heard of, what runs is joined, and nothing is missed.
        if params.turn_id is not None:
            self._leaving.append(self._live.on_begin(self._begun))
            running = self._live.of_turn(params.turn_id)
        else:
            found = self._live.get(str(params.request_id))
            running = [] if found is None else [found]
        for answer in running:
            self._join(answer)

    async def until_ended(self) -> list[dict[str, Any]]:
        """The answers, once all have ended. Raises Failure("not_found")."""
        stored = await self._stored()
        if not stored and not self._answers:
            raise Failure(
                "not_found",
                "No such answer is running or stored; it may have been deleted. Load the list again.",
            )
        for shown in stored:
            self._call.progress(work_wire.stored_so_far(shown))
            self._call.progress(work_wire.ended(shown))
        while self._running:
            self._quiet.clear()
            await self._quiet.wait()
        answers = [*stored, *(work_wire.answer(answer) for answer in self._answers)]
        return sorted(answers, key=lambda each: each["startedAt"])

    def leave(self) -> None:
        """Hear of nothing more. The answers go on."""
        for leave in self._leaving:
            leave()

    def _begun(self, answer: LiveAnswer) -> None:
        if answer.entry.turn_id == self._params.turn_id:
            self._join(answer)

    def _join(self, answer: LiveAnswer) -> None:
        self._answers.append(answer)
        self._running += 1
        self._call.progress(work_wire.so_far(answer, self._after(answer.request_id)))
        if answer.wait is not None:
            self._call.progress(work_wire.piece(answer, answer.wait))

        def hear(came: AnswerPiece | Delay | None) -> None:
            if came is not None:
                self._call.progress(work_wire.piece(answer, came))
                return
            self._running -= 1
            self._call.progress(work_wire.ended(work_wire.answer(answer, texts=False)))
            self._quiet.set()

        self._leaving.append(answer.listen(hear))

    def _after(self, request_id: str) -> int:
        given = self._params.after
        found = given.get(request_id, 0) if isinstance(given, dict) else given
        return found if isinstance(found, int) else 0

    async def _stored(self) -> list[dict[str, Any]]:
        """The answers that had ended before they were joined: what has ended is stored."""
        found = await self._call.services.store.read(_ended, self._params.turn_id, self._params.request_id)
        known = {answer.message_id for answer in self._answers}
        return [
            work_wire.stored_answer(entry, message) for entry, message in found if message.id not in known
        ]


def _batches(conn: sqlite3.Connection, project_id: str | None) -> _Batches:
    running = [
        (job, row_sweeps.count_begun(conn, job.id), pending_rows.pending_providers(conn, job.id))
        for mode in ("local", "native")
        for job in jobs.going_on(conn, mode)
        if project_id in (None, job.project_id)
    ]
    if project_id is None:
        return _Batches(running, vendor_batches.open_parts(conn))
    return _Batches(running, vendor_batches.open_of_project(conn, project_id))


def _ended(
    conn: sqlite3.Connection, turn_id: str | None, request_id: str | None
) -> list[tuple[LedgerEntry | None, Message]]:
    if turn_id is not None:
        found = messages.answers_of_turn(conn, turn_id)
        return [(next(iter(ledger_lists.of_message(conn, message.id)), None), message) for message in found]
    entry = ledger.get(conn, str(request_id))
    message = None if entry is None or entry.message_id is None else messages.get(conn, entry.message_id)
    return [] if message is None else [(entry, message)]
