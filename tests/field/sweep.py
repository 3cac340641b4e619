"""Asks a sidecar for everything that can be asked for, and has it write every file that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.field import taint
from tests.helpers.process import RpcError, SidecarProcess

EXPORTS = ("csv", "json", "jsonl", "parquet", "openai-tuning", "anthropic-tuning", "gemini-tuning")
Params = dict[str, Any]
Call = tuple[str, Params]

# What answers wherever a question and a batch were answered.
OF_AN_ANSWER = {
    *("system:doctor", "settings:load", "models:get-all", "work:list", "activity:get", "activity:stats"),
    *("messages:search", "messages:versions", "conversation:export", "cost:explain", "cost:reprice"),
    *("compare:board", "compare:votes", "batch:get", "batch:get-status", "batch:export", "batch:report"),
    *("data:backups", "data:check", "data:export", "data:backup", "history:read"),
}
# What needs no id. `lab` is the server of these tests; `Good` and `Why` are the words of its answers and questions.
WHOLE: tuple[Call, ...] = (
    ("system:doctor", {}),
    ("system:health", {}),
    ("settings:load", {}),
    ("settings:load", {"key": "allKeys"}),
    *(("settings:load", {"key": "apiKey", "provider": name}) for name in ("lab", "anthropic", "gemini")),
    ("models:get-all", {"includeAliases": True}),
    ("models:update", {"text": '{"models": ['}),
    ("work:list", {}),
    ("activity:stats", {"days": 3}),
    *(("messages:search", {"query": word}) for word in ("Good", "Why")),
    ("cost:reconcile", {"provider": "openai", "from": "2026-11-01", "to": "2026-11-02"}),
    ("cost:reprice", {"modelId": "openai/gpt-6-luna"}),
    ("data:backups", {}),
    ("data:check", {"full": True}),
)


async def everything(process: SidecarProcess, folder: Path) -> set[str]:
    """Make every call, files written into the folder, and return the methods that answered. Of a refusal nothing is
    expected but that it is clean.
    """
    answered: set[str] = set()

    async def ask(method: str, params: Params) -> None:
        try:
            await process.call(method, params)
        except RpcError:
            return
        answered.add(method)

    for call in WHOLE:
        await ask(*call)
    for number, project in enumerate(await process.call("project:list")):
        own = {"projectId": project["id"]}
        for method in ("activity:get", "compare:board", "compare:votes"):
            await ask(method, own)
        await ask("history:read", {"project": project["id"]})
        for conversation in await process.call("conversation:list", own):
            for call in _of_conversation(conversation["id"], folder):
                await ask(*call)
            for message in await process.call("messages:list", {"conversationId": conversation["id"]}):
                for call in _of_message(message):
                    await ask(*call)
        for job in await process.call("batch:list", own):
            rows = await process.call("batch:get-results", {"jobId": job["id"]})
            for call in _of_job(job["id"], [row["id"] for row in rows], folder / f"job-{number}"):
                await ask(*call)
    await ask("data:export", {"path": str(folder / "export")})
    await ask("data:backup", {"path": str(folder / "copy.db")})
    return answered


async def check_everywhere(process: SidecarProcess, folder: Path, *secrets: str) -> set[str]:
    """Ask for whatever can be asked for, and search all that was said and written. Return what answered."""
    # Nothing is written into the data folder for the person.
    written = folder.with_name(f"{folder.name}-written")
    written.mkdir()
    answered = await everything(process, written)
    for each in (folder, written):
        taint.check(process, each, *secrets)
    process.close_stdin()
    assert await process.wait() == 0
    taint.check(process, folder, *secrets)
    return answered


def _of_conversation(conversation_id: str, folder: Path) -> Iterator[Call]:
    for form in ("markdown", "json"):
        yield "conversation:export", {"id": conversation_id, "format": form}
        path = str(folder / f"{conversation_id}.{form}")
        yield "conversation:export", {"id": conversation_id, "format": form, "path": path}


def _of_message(message: Params) -> Iterator[Call]:
    yield "messages:versions", {"id": message["id"]}
    yield "cost:explain", {"messageId": message["id"]}
    yield "compare:differences", {"turnId": message["turnId"]}
    yield "compare:ballot", {"turnId": message["turnId"]}


def _of_job(job_id: str, row_ids: list[str], base: Path) -> Iterator[Call]:
    yield "batch:get", {"jobId": job_id}
    yield "batch:get-status", {"jobId": job_id}
    yield "cost:explain", {"jobId": job_id}
    for row_id in row_ids:
        yield "cost:explain", {"jobId": job_id, "rowId": row_id}
        yield "compare:ballot", {"jobId": job_id, "rowId": row_id}
    for form in EXPORTS:
        yield "batch:export", {"jobId": job_id, "path": f"{base}-{form}.out", "format": form}
    beside = ["markdown", "csv", "xlsx"]
    yield "batch:report", {"jobIds": [job_id], "path": f"{base}.html", "beside": beside}
