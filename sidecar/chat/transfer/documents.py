"""The values in a file of JSON that may be conversations: elements of its list, lines, or what the whole file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any

import orjson

from sidecar.chat.transfer import chatgpt_page, message_tables, perplexity, takeout_page, transcript
from sidecar.chat.transfer.lists import THREAD
from sidecar.chat.transfer.programs import conversations_in, service_of
from sidecar.chat.transfer.records import is_record
from sidecar.chat.transfer.refusals import NEITHER, refused
from sidecar.errors import Failure
from sidecar.json_file import read_elements
from sidecar.json_stream import BrokenJson
from sidecar.providers.kernel.charset import Narrowed

# One conversation, or a file that cannot be read in parts.
MOST_BYTES = 64 * 1024 * 1024
# What it may be made of: each costs some hundred bytes while it is read.
_MOST_VALUES = 4_000_000
_LISTS = ("conversations", "chats", "threads", "sessions")
_MARK = b"\xef\xbb\xbf"
# X's archive has its JSON as what a script keeps under a name.
_SCRIPT, _MOST_NAME = b"window.YTD.", 200


def values_of(stream: IO[bytes], *, among_others: bool = False) -> Iterator[Any]:
    """Yield the values of a file that can go back to its beginning. Raises Failure where it cannot be read.

    A file that stands `among_others` in an archive is passed over where it holds something else.
    """
    begun = False
    try:
        for element in read_elements(_reader(stream), _LISTS, most_bytes=MOST_BYTES):
            try:
                value = _decoded(element)
            except Failure:
                # A text may begin with a bracket too.
                stream.seek(0)
                found = [] if begun else _in_text(_reader(stream)(MOST_BYTES))
                if not found:
                    raise
                yield from found
                return
            if among_others and not _known(value):
                continue
            begun = True
            yield value
    except BrokenJson as error:
        if begun:
            raise refused(f"This file cannot be read to its end: {error}") from error
    else:
        return
    # It is one object without such a list, or no JSON at all: a page, a text, what another program exports.
    stream.seek(0)
    for value in _whole(_reader(stream)(MOST_BYTES + 1), among_others):
        if _known(value) or not among_others:
            yield value


def _whole(content: bytes, among_others: bool) -> list[Any]:
    if len(content) > MOST_BYTES:
        if among_others:
            return []
        raise refused(
            "This file is one piece of more than 64 MB, which is more than can be taken over at once. "
            "Where the program can export single conversations, take those."
        )
    try:
        return conversations_in(_loaded(content))
    except (ValueError, AttributeError) as error:
        found = _in_lines(content) or _in_text(content)
        if found or among_others:
            return found
        raise refused(NEITHER) from error


def _in_lines(content: bytes) -> list[Any]:
    """The values of a file with one in each line; those of Jan are messages of one thread. None of another file."""
    found = []
    try:
        for line in content.splitlines():
            if line.strip():
                value = _loaded(line)
                if not isinstance(value, dict):
                    return []
                found.append(value)
    except ValueError:
        return []
    if found and all(each.get("object") == "thread.message" for each in found):
        return [{THREAD: found}]
    return [each for value in found for each in conversations_in(value) if _known(each)]


def _in_text(content: bytes) -> list[Any]:
    """What ChatGPT's page, Google's, or a table of messages holds, or the conversation that a text is."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for reader in (chatgpt_page.conversations_in, takeout_page.records_in, message_tables.rows_in):
        if (values := reader(text)) is not None:
            return values
    found = perplexity.conversation_in(text) or transcript.conversation_in(text)
    return [] if found is None else [found]


def _reader(stream: IO[bytes]) -> Callable[[int], bytes]:
    """Read on from behind a byte order mark, in UTF-8: some programs save a file anew in UTF-16."""
    narrowed = Narrowed()
    begin = stream.read(len(_MARK))
    if begin == _SCRIPT[: len(_MARK)]:
        begin += stream.read(_MOST_NAME)
        name, is_kept, value = begin.partition(b"=")
        begin = value if is_kept and name.startswith(_SCRIPT) else begin
    held = bytearray(narrowed.feed(b"" if begin == _MARK else begin))
    is_over = False

    def read(size: int) -> bytes:
        nonlocal is_over
        while len(held) < size and not is_over:
            found = stream.read(size)
            is_over = not found
            held.extend(narrowed.feed(found) if found else narrowed.finish())
        taken = bytes(held[:size])
        del held[:size]
        return taken

    return read


def _known(value: Any) -> bool:
    return service_of(value) is not None or is_record(value)


def _decoded(element: bytes) -> Any:
    try:
        return _loaded(element)
    except orjson.JSONDecodeError as error:
        if not element.startswith((b"{", b"[", b'"')):
            # A text that begins with a bracket, as a log of a messenger does.
            raise refused(NEITHER) from error
        raise refused(
            f"A conversation in this file is not valid JSON ({error.msg}, character {error.pos + 1} of it). "
            "Ask for the file once more."
        ) from error


def _loaded(content: bytes) -> Any:
    if content.count(b",") + content.count(b"[") + content.count(b"{") > _MOST_VALUES:
        raise refused(
            "A conversation in this file is made of more pieces than can be taken over. Export the others alone."
        )
    return orjson.loads(content)
