"""conversation:export and conversation:import, for methods/conversation.py."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from sidecar.chat.transfer import own_format, take_over
from sidecar.chat.transfer.import_file import Found, read_file
from sidecar.chat.transfer.programs import Service
from sidecar.chat.transfer.refusals import NEITHER
from sidecar.contract.types import conversation as types
from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.methods.services import Request
from sidecar.store import conversations, message_versions, messages, projects
from sidecar.store.atomic_files import source_file, target_file, write_whole
from sidecar.store.background_read import scan
from sidecar.store.columns import to_json
from sidecar.store.records import Conversation
from sidecar.store.stoppable import Pulse, in_thread

# So many of a file are read at a time, and stored in one transaction.
_AT_A_TIME = 20
# What an answer tells of what could not be taken.
_MOST_PROBLEMS = 1_000


async def exported(call: Request, params: types.ConversationExportParams) -> dict[str, Any]:
    """A ConversationExportResult."""
    if (params.id is None) == (params.project_id is None):
        raise Failure("invalid_params", "Name the conversation to export, or the project: one of the two.")
    data_dir = call.services.config.data_dir

    def work(conn: sqlite3.Connection, pulse: Pulse) -> dict[str, Any]:
        chosen = _chosen(conn, params)

        def produce(file: BinaryIO) -> int:
            return _write(file, _texts(conn, chosen, params.format, pulse), params.format)

        if params.path is None:
            memory = io.BytesIO()
            said = produce(memory)
            result: dict[str, Any] = {"text": memory.getvalue().decode("utf-8", "replace")}
        else:
            target = target_file(params.path, data_dir)
            said, size = write_whole(target, produce)
            result = {"path": str(target), "bytes": size}
        return {**result, "conversations": len(chosen), "messages": said}

    return await scan(call.services.store, work)


async def taken_over(call: Request, params: types.ConversationImportParams) -> dict[str, Any]:
    """A ConversationImportResult."""
    app = call.services
    if await app.store.read(projects.get, params.project_id) is None:
        raise Failure("not_found", "There is no such project to import into. Choose another one.")
    path = source_file(params.path)
    # Looked through to its end first: nothing is taken out of a file that cannot be read as a whole.
    looked = read_file(path)
    while len(await in_thread(lambda pulse: _next(looked, pulse))) == _AT_A_TIME:
        pass
    file = read_file(path)
    service: Service | None = None
    counts = [0, 0, 0]
    problems: list[dict[str, Any]] = []
    while True:
        found = await in_thread(lambda pulse: _next(file, pulse))
        for each in found:
            service = service or each.service
            if each.problem is not None and len(problems) < _MOST_PROBLEMS:
                told = {"number": each.number, "name": each.name or None, "message": each.problem}
                problems.append(wire.present(told))
        taken = [conversation for each in found for conversation in each.conversations]
        if taken and service is not None:
            try:
                stored = await app.store.write(take_over.store, params.project_id, service, taken)
            except Failure as failure:
                raise _broken_off(failure, counts[0]) from failure
            counts = [before + more for before, more in zip(counts, stored, strict=True)]
        if len(found) < _AT_A_TIME:
            break
    if service is None:
        raise Failure("invalid_params", NEITHER, issues=[{"path": "path", "message": NEITHER}])
    await app.session.name_project(params.project_id)
    added, said, known = counts
    return {
        "service": service,
        "conversations": added,
        "messages": said,
        "known": known,
        "problems": problems,
    }


def _broken_off(failure: Failure, added: int) -> Failure:
    """What is in is whole, and known when the same file is taken again."""
    if failure.kind != "storage_error" or not added:
        return failure
    already = f"{added} conversations were imported before; import the same file again for the rest."
    return Failure(
        failure.kind, f"{failure.message} {already}", retryable=failure.retryable, detail=failure.detail
    )


def _next(file: Iterator[Found], pulse: Pulse) -> list[Found]:
    found = []
    for each in islice(file, _AT_A_TIME):
        pulse()
        found.append(each)
    return found


def _chosen(conn: sqlite3.Connection, params: types.ConversationExportParams) -> list[Conversation]:
    if params.id is not None:
        found = conversations.get(conn, params.id)
        if found is None:
            raise Failure(
                "not_found", "There is no such conversation; it may have been deleted. Choose another one."
            )
        return [found]
    if projects.get(conn, str(params.project_id)) is None:
        raise Failure("not_found", "There is no such project; it may have been deleted. Choose another one.")
    return conversations.list_page(conn, str(params.project_id))


def _texts(
    conn: sqlite3.Connection, chosen: list[Conversation], format_: str, pulse: Pulse
) -> Iterator[tuple[str, int]]:
    """Each conversation as text, and how many messages that holds."""
    for conversation in chosen:
        pulse()
        shown = [wire.message(each) for each in messages.list_page(conn, conversation.id)]
        said = wire.conversation(conversation)
        if format_ == "markdown":
            yield own_format.as_markdown(said, shown), len(shown)
            continue
        for message in shown:
            if message.get("versions"):
                earlier = message_versions.versions(conn, message["id"]) or []
                message["earlier"] = [wire.message(each) for each in earlier]
        yield to_json({**said, "messages": shown}), len(shown)


def _write(file: BinaryIO, texts: Iterator[tuple[str, int]], format_: str) -> int:
    json = format_ == "json"
    said = 0
    file.write(own_format.BEGIN.encode() if json else b"")
    for number, (text, count) in enumerate(texts):
        between = (",\n" if json else "\n---\n\n") if number else ""
        file.write((between + text).encode("utf-8", "replace"))
        said += count
    file.write(own_format.END.encode() if json else b"")
    return said
