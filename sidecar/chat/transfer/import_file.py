"""Conversations out of a file that another program exported, some at a time, so that its size does not matter."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from sidecar.chat.transfer.documents import values_of
from sidecar.chat.transfer.message_tree import TakenConversation
from sidecar.chat.transfer.programs import PROGRAMS, Service, service_of
from sidecar.chat.transfer.records import gathered
from sidecar.chat.transfer.refusals import NEITHER, refused
from sidecar.chat.transfer.takeout_page import UNREADABLE
from sidecar.store.atomic_files import file_failure

# Files in an archive that may hold some, where none is called `conversations`.
_MAY_HOLD = (".json", ".jsonl", ".md", ".markdown", ".csv")
# Everything that a compressed file comes to.
MOST_UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
# gzip, bzip2, xz, Zstandard, 7-Zip, RAR.
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!\x1a")


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation of the file with its branches, or why it cannot be taken. `number` counts from 1 on."""

    number: int
    service: Service
    name: str = ""
    conversations: tuple[TakenConversation, ...] = ()
    problem: str | None = None


def read_file(path: Path) -> Iterator[Found]:
    """Yield what the file holds. Raises Failure("invalid_params") for what is no such file, and "storage_error"."""
    try:
        written = int(path.stat().st_mtime * 1000)
        with ExitStack() as opened:
            number, pages = 0, list[str]()
            for stream, among_others in _documents(path, opened, pages):
                for value in gathered(values_of(stream, among_others=among_others)):
                    number += 1
                    yield _found(number, value, written)
            if pages and not number:
                raise refused(UNREADABLE)
    except OSError as error:
        raise file_failure(error, path) from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise refused("This ZIP file is damaged or locked. Ask for it once more.") from error


def _documents(path: Path, opened: ExitStack, pages: list[str]) -> Iterator[tuple[IO[bytes], bool]]:
    """What may hold conversations, and whether it stands among files that hold something else.

    To `pages` are added the names of Google's pages among them.
    """
    file = opened.enter_context(path.open("rb"))
    begin = file.read(6)
    if begin.startswith(_PACKED):
        raise refused("The file is packed. Unpack it, and take what is in it.")
    if begin[:4] != b"PK\x03\x04":
        file.seek(0)
        yield file, False
        return
    archive = opened.enter_context(zipfile.ZipFile(file))
    names = [name for name in archive.namelist() if _is_conversations(name)]
    others = not names
    if others:
        names = [name for name in archive.namelist() if name.lower().endswith(_MAY_HOLD)]
        # Google Takeout hands its activity out as a page where nobody chose otherwise.
        pages += [name for name in archive.namelist() if "Gemini" in name and name.endswith(".html")]
        names += pages
    if not names:
        raise refused(NEITHER)
    if sum(archive.getinfo(name).file_size for name in names) > MOST_UNPACKED_BYTES:
        raise refused("This ZIP file holds more than 4 GB of conversations. Unpack it, and take parts of it.")
    for name in sorted(names):
        with closing(archive.open(name)) as member:
            yield member, others


def _is_conversations(name: str) -> bool:
    plain = name.rpartition("/")[2]
    return (plain.startswith("conversations") and plain.endswith(".json")) or (
        plain.startswith("grok-chat-item") and plain.endswith(".js")
    )


def _found(number: int, value: Any, written: int) -> Found:
    service = service_of(value)
    if service is None:
        raise refused(NEITHER)
    name = value.get("title") or value.get("name")
    named = name if isinstance(name, str) else ""
    try:
        taken = PROGRAMS[service].read(value)
    except ValueError as error:
        return Found(number, service, named, problem=f"It was left out: {error}.")
    return Found(number, service, named, tuple(_dated(each, written) for each in taken))


def _dated(taken: TakenConversation, written: int) -> TakenConversation:
    """With a time, where its file has none: the one of its first message, or else the file's own."""
    if taken.created_at:
        return taken
    first = next((message.at for message in taken.messages if message.at), written)
    messages = tuple(each if each.at else replace(each, at=first) for each in taken.messages)
    return replace(taken, created_at=first, messages=messages)
