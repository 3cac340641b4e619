"""Tells a client that wants to know that work has begun, waits, goes on or has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sidecar.methods import wire

if TYPE_CHECKING:
    from sidecar.chat.live_answers import LiveAnswer
    from sidecar.store.job_records import Job, JobStatus


class WorkNews:
    """`notify` is told nothing until somebody has asked for the work: older pages know no such notification.

    Of what waits to be read, only the latest about each thing is kept.
    """

    def __init__(self, notify: Callable[..., None]) -> None:
        self._notify = notify
        self._watched = False
        self._statuses: dict[str, JobStatus] = {}

    def watch(self) -> None:
        """Somebody wants to know."""
        self._watched = True

    def answer_changed(self, answer: LiveAnswer) -> None:
        """An answer is in another state."""
        of = {"turnId": answer.entry.turn_id, "conversationId": answer.entry.conversation_id}
        self._tell("answer", answer.request_id, answer.state, of)

    def job_changed(self, job: Job) -> None:
        """Something came of a batch: told where its status changed, and always of one at vendors, for its parts."""
        if job.mode == "native" or self._statuses.get(job.id) != job.status:
            self._tell("job", job.id, job.status, {})
        if job.status == "processing":
            self._statuses[job.id] = job.status
        else:
            self._statuses.pop(job.id, None)

    def _tell(self, kind: str, name: str, state: str, of: dict[str, Any]) -> None:
        if self._watched:
            told = {"kind": kind, "id": name, "state": state} | wire.present(of)
            self._notify("work:changed", told, merge_key=name)
