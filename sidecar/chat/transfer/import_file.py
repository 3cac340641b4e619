"""Conversations out of a file that a chat service exported, some at a time, so that its size does not matter."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import orjson

from sidecar.chat.transfer import chatgpt, claude, own_format
from sidecar.chat.transfer.message_tree import TakenConversation
from sidecar.errors import Failure
from sidecar.json_file import read_elements
from sidecar.json_stream import BrokenJson
from sidecar.store.atomic_files import file_failure

Service = Literal["chatgpt", "claude", "abai"]

_FORMATS: dict[Service, Any] = {"chatgpt": chatgpt, "claude": claude, "abai": own_format}
# One conversation, and everything that a compressed file comes to.
MOST_BYTES = 64 * 1024 * 1024
MOST_UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
NEITHER = (
    "This is no file of conversations that A-B/AI knows. Choose the conversations.json, or the ZIP file, that ChatGPT "
    "or Claude sends when one asks for one's data there."
)


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
        with ExitStack() as opened:
            number = 0
            for stream in _documents(path, opened):
                for element in _elements(stream):
                    number += 1
                    yield _found(number, element)
    except OSError as error:
        raise file_failure(error, path) from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise _refused("This ZIP file is damaged or locked. Ask for it once more.") from error


def _documents(path: Path, opened: ExitStack) -> Iterator[IO[bytes]]:
    file = opened.enter_context(path.open("rb"))
    if file.read(4) != b"PK\x03\x04":
        file.seek(0)
        yield file
        return
    archive = opened.enter_context(zipfile.ZipFile(file))
    names = [name for name in archive.namelist() if _is_conversations(name)]
    if not names:
        raise _refused(NEITHER)
    if sum(archive.getinfo(name).file_size for name in names) > MOST_UNPACKED_BYTES:
        raise _refused(
            "This ZIP file holds more than 4 GB of conversations. Unpack it, and take parts of it."
        )
    for name in sorted(names):
        with closing(archive.open(name)) as member:
            yield member


def _is_conversations(name: str) -> bool:
    plain = name.rpartition("/")[2]
    return plain.startswith("conversations") and plain.endswith(".json")


def _elements(stream: IO[bytes]) -> Iterator[bytes]:
    begin = stream.read(3)
    read: Callable[[int], bytes] = stream.read
    if begin != b"\xef\xbb\xbf":
        rest = io.BytesIO(begin)

        def read(size: int) -> bytes:
            return rest.read(size) or stream.read(size)

    begun = False
    try:
        for element in read_elements(read, ("conversations",), most_bytes=MOST_BYTES):
            begun = True
            yield element
    except BrokenJson as error:
        # Where nothing was found it is another file: a page, a text, what another program exports.
        raise _refused(f"This file cannot be read to its end: {error}" if begun else NEITHER) from error


def _found(number: int, element: bytes) -> Found:
    try:
        value = orjson.loads(element)
    except orjson.JSONDecodeError as error:
        raise _refused(
            f"Conversation {number} is not valid JSON ({error.msg}, character {error.pos + 1} of it). "
            "Ask for the file once more."
        ) from error
    service = _service(value)
    if service is None:
        raise _refused(NEITHER)
    name = value.get("title") or value.get("name")
    named = name if isinstance(name, str) else ""
    try:
        return Found(number, service, named, tuple(_FORMATS[service].read(value)))
    except ValueError as error:
        return Found(number, service, named, problem=f"It was left out: {error}.")


def _service(value: Any) -> Service | None:
    if not isinstance(value, dict):
        return None
    return next((name for name, format_ in _FORMATS.items() if format_.is_conversation(value)), None)


def _refused(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
