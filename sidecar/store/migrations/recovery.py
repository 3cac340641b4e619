"""Parents for rows whose own were never stored, and turns for messages that had none."""

from __future__ import annotations

import sqlite3
from uuid import uuid4


def fresh_id() -> str:
    return str(uuid4())


class Parents:
    """Finds or makes the parent of a row. Each method returns the id of a parent that exists."""

    def __init__(self, conn: sqlite3.Connection, now_ms: int) -> None:
        self._conn = conn
        self._now_ms = now_ms
        self._home: str | None = None
        self._nameless_conversation: str | None = None
        self._nameless_job: str | None = None
        self._projects: list[str] = []
        self._conversations: list[str] = []
        self._jobs: list[str] = []
        self._for_empty: dict[str, str] = {}

    def named(self, table: str, row_id: str) -> str:
        """Return the id as it may be asked for: nobody can ask for an empty one, so its row gets another."""
        return row_id or self._for_empty.setdefault(table, fresh_id())

    def project(self, project_id: str | None) -> str:
        if project_id is None:
            return self._recovered_project()
        project_id = self.named("projects", project_id)
        if not self._exists("projects", project_id):
            self._make_project(project_id, "Recovered project")
        return project_id

    def conversation(self, conversation_id: str | None) -> str:
        if conversation_id is None:
            self._nameless_conversation = self._nameless_conversation or fresh_id()
            conversation_id = self._nameless_conversation
        conversation_id = self.named("conversations", conversation_id)
        if not self._exists("conversations", conversation_id):
            self._conn.execute(
                "INSERT INTO conversations (id, project_id, name, created_at, last_used) VALUES (?, ?, ?, ?, ?)",
                (
                    conversation_id,
                    self._recovered_project(),
                    "Recovered conversation",
                    self._now_ms,
                    self._now_ms,
                ),
            )
            self._conversations.append(conversation_id)
        return conversation_id

    def job(self, job_id: str | None) -> str:
        if job_id is None:
            self._nameless_job = self._nameless_job or fresh_id()
            job_id = self._nameless_job
        job_id = self.named("batch_jobs", job_id)
        if not self._exists("batch_jobs", job_id):
            self._conn.execute(
                "INSERT INTO batch_jobs (id, project_id, file_name, status, created_at) VALUES (?, ?, ?, ?, ?)",
                (job_id, self._recovered_project(), "Recovered batch", "completed", self._now_ms),
            )
            self._jobs.append(job_id)
        return job_id

    def date_by_children(self) -> None:
        """Gives what was made here the times and counts of what is in it, so that old rows do not look new."""
        for conversation_id in self._conversations:
            self._conn.execute(
                "UPDATE conversations SET"
                " created_at = (SELECT min(timestamp) FROM messages WHERE conversation_id = conversations.id),"
                " last_used = (SELECT max(timestamp) FROM messages WHERE conversation_id = conversations.id)"
                " WHERE id = ?",
                (conversation_id,),
            )
        for job_id in self._jobs:
            self._conn.execute(
                "UPDATE batch_jobs SET"
                " total_rows = (SELECT count(*) FROM batch_results WHERE job_id = batch_jobs.id),"
                " completed_rows = (SELECT count(*) FROM batch_results"
                "  WHERE job_id = batch_jobs.id AND status = 'success'),"
                " failed_rows = (SELECT count(*) FROM batch_results"
                "  WHERE job_id = batch_jobs.id AND status LIKE 'error%'),"
                " total_cost = (SELECT sum(cost) FROM batch_results WHERE job_id = batch_jobs.id)"
                " WHERE id = ?",
                (job_id,),
            )
        for project_id in self._projects:
            self._conn.execute(
                "UPDATE projects SET (created_at, last_used) ="
                " (SELECT coalesce(min(at), created_at), coalesce(min(at), last_used) FROM ("
                "  SELECT created_at AS at FROM conversations WHERE project_id = projects.id"
                "  UNION ALL SELECT created_at FROM batch_jobs WHERE project_id = projects.id)"
                " ) WHERE id = ?",
                (project_id,),
            )

    def _recovered_project(self) -> str:
        if self._home is None:
            self._home = fresh_id()
            self._make_project(self._home, "Recovered")
        return self._home

    def _make_project(self, project_id: str, name: str) -> None:
        self._conn.execute(
            "INSERT INTO projects (id, name, created_at, last_used) VALUES (?, ?, ?, ?)",
            (project_id, name, self._now_ms, self._now_ms),
        )
        self._projects.append(project_id)

    def _exists(self, table: str, row_id: str) -> bool:
        found = self._conn.execute(f"SELECT 1 FROM main.{table} WHERE id = ?", (row_id,))  # noqa: S608
        return found.fetchone() is not None


def tie_answers_to_questions(conn: sqlite3.Connection) -> None:
    """Each user message begins a turn of its own id; what follows in the conversation belongs to it.

    What stands before any question is a turn of its own, as it was stored.
    """
    conn.execute("CREATE TEMP TABLE turn_of (seq INTEGER PRIMARY KEY, turn_id TEXT NOT NULL)")
    conversation, turn = None, None
    ordered = conn.execute(
        "SELECT seq, id, conversation_id, role FROM messages ORDER BY conversation_id, timestamp, seq"
    )
    for seq, message_id, conversation_id, role in ordered:
        if conversation_id != conversation:
            conversation, turn = conversation_id, None
        if role == "user":
            turn = message_id
        elif turn is not None:
            conn.execute("INSERT INTO temp.turn_of (seq, turn_id) VALUES (?, ?)", (seq, turn))
    conn.execute(
        "UPDATE messages SET turn_id = (SELECT turn_id FROM temp.turn_of WHERE seq = messages.seq)"
        " WHERE seq IN (SELECT seq FROM temp.turn_of)"
    )
    conn.execute("DROP TABLE temp.turn_of")
