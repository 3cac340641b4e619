"""What the client is told unasked: of a batch, of a refused key and, where it wants to know, of all work under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sidecar.methods import wire

if TYPE_CHECKING:
    from sidecar.batch.progress import Progress
    from sidecar.chat.live_answers import LiveAnswer
    from sidecar.store.job_records import Job, JobRow, JobStatus


class ClientNews:
    """Sends notifications by `notify`. Of what waits to be read, only the latest about each thing is kept.

    Of work in general nothing is told until somebody has asked for it: older pages know no such notification.
    """

    def __init__(self, notify: Callable[..., None]) -> None:
        self._notify = notify
        self._watched = False
        self._statuses: dict[str, JobStatus] = {}

    def key_refused(self, provider: str) -> None:
        """A vendor refused its API key."""
        self._notify("settings:invalidKey", {"provider": provider})

    def batch_progress(self, told: Progress) -> None:
        """A batch is further than it was, or in another state."""
        from sidecar.methods import batch_wire

        self._notify("batch:progress", batch_wire.progress(told), merge_key=told.job.id)
        self.job_changed(told.job)

    def row_done(self, job_id: str, row: JobRow) -> None:
        """A row of a batch has ended."""
        from sidecar.methods import batch_wire

        self._notify("batch:row-done", batch_wire.row_done(job_id, row))

    def watch_work(self) -> None:
        """Tell the client of what begins and ends from now on."""
        self._watched = True

    def answer_changed(self, answer: LiveAnswer) -> None:
        """An answer is in another state."""
        of = {"turnId": answer.entry.turn_id, "conversationId": answer.entry.conversation_id}
        self._tell("answer", answer.request_id, answer.state, of)

    def job_changed(self, job: Job) -> None:
        """Something came of a batch, or it has begun or was stopped.

        Told where its status changed, and always of one at vendors, for its parts.
        """
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
