"""The head of an answer as servers write it, made into one that the HTTP library takes (pure).

What a browser reads is read here too: names that are none and what no line can hold are left out, a length that is told
twice holds when it is the same, and what comes in chunks has no length. Nobody answers on such a connection again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Beyond it nobody looks for the end any more, and the library says that it is too long.
MOST_BYTES = 1024 * 1024
_MOST_VALUE = 32 * 1024
# The library's own bound is 128. What tells how to read the body is kept, wherever it stands.
_MOST_LINES = 120
_MOST_REASON = 200
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_USUAL = re.compile(
    rb"HTTP/1\.[01] \d{3}(?: [^\r\n\x00]{0,200})?\r\n(?:%b:[^\r\n\x00]{0,8000}\r\n){0,100}\r\n" % _TOKEN
)
_STATUS = re.compile(rb"\s*HTTP/?(\d)?(?:\.(\d+))?\s+(\d{3})(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)
_END = re.compile(rb"\r?\n\r?\n")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]+")
_LENGTH = re.compile(rb"^content-length:", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*\bchunked\b", re.IGNORECASE | re.MULTILINE)
_CODING = re.compile(rb"^transfer-encoding:", re.IGNORECASE | re.MULTILINE)
_FRAMES = (b"content-length", b"transfer-encoding", b"connection")
_FIRST = (b"content-type", b"content-encoding", b"location", b"retry-after", b"x-request-id", b"request-id")


def end_of_head(data: bytes | bytearray) -> int | None:
    """Return where the body begins, None where that has not arrived."""
    found = _END.search(data)
    return found.end() if found else None


def may_be_http(data: bytes | bytearray) -> bool:
    """Whether this is the beginning of an answer of a web server, as far as it has come."""
    begin = bytes(data[:32]).lstrip(b"\r\n").upper()
    return begin.startswith(b"HTTP") or b"HTTP".startswith(begin)


def is_interim(head: bytes) -> bool:
    """Whether another head follows this one: 100, 102, 103."""
    found = _STATUS.match(head)
    return found is not None and found[3].startswith(b"1") and found[3] != b"101"


def announces_body(head: bytes) -> bool:
    """Whether so many bytes of a body follow, at least one."""
    found = _STATUS.match(head)
    return bool(length_of(head)) and found is not None and found[3] not in (b"204", b"304")


def comes_in_chunks(head: bytes) -> bool:
    """Whether the body is cut into chunks, each with its size before it."""
    return _CHUNKED.search(head) is not None


def length_of(head: bytes) -> int | None:
    """Return the one length that a head tells, None where it tells none or the body comes in chunks."""
    found = re.findall(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", head, re.IGNORECASE | re.MULTILINE)
    return int(found[0]) if len(found) == 1 and not _CODING.search(head) else None


def with_length(head: bytes, length: int) -> bytes:
    """Return the head with another length. Nobody answers on its connection again."""
    told = re.sub(rb"^content-length:[^\n]*\n", b"", head, flags=re.IGNORECASE | re.MULTILINE)
    first, _, rest = told.partition(b"\n")
    return first + b"\ncontent-length: %d\r\nconnection: close\r\n" % length + rest


def mended(head: bytes) -> bytes:
    """Return the head itself where it is a usual one, or what is meant; as it is where it begins no answer."""
    usual = _USUAL.fullmatch(head) is not None
    if usual and len(_LENGTH.findall(head)) + len(_CODING.findall(head)) < 2 and not _odd_frame(head):
        return head
    lines = list(_unfolded(head))
    status = _STATUS.fullmatch(lines[0].rstrip()) if lines else None
    if status is None:
        return head
    fields = list(_fields(lines[1:]))
    version = b"1.0" if (status[1], status[2]) == (b"1", b"0") else b"1.1"
    reason = _CONTROLS.sub(b" ", status[4] or b"")[:_MOST_REASON]
    told = sorted((each for each in fields if each[0] not in _FRAMES), key=lambda each: each[0] not in _FIRST)
    lasting = [*_frame(fields), *told[:_MOST_LINES]]
    kept = b"".join(b"%b: %b\r\n" % each for each in lasting)
    return b"HTTP/%b %b %b\r\n%b\r\n" % (version, status[3], reason, kept)


def _odd_frame(head: bytes) -> bool:
    """Whether a single length is no number, or a single coding none that is known."""
    if _LENGTH.search(head):
        return length_of(head) is None
    return bool(_CODING.search(head)) and not re.search(
        rb"^transfer-encoding:[ \t]*chunked[ \t]*\r$", head, re.IGNORECASE | re.MULTILINE
    )


def _frame(fields: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """How the body is told from what follows it: in chunks, by its length, or by the end of the connection."""
    codings = [part for name, value in fields if name == b"transfer-encoding" for part in _parts(value)]
    lengths = {part for name, value in fields if name == b"content-length" for part in _parts(value)}
    if b"chunked" in codings:
        yield b"transfer-encoding", b"chunked"
    elif len(lengths) == 1 and re.fullmatch(rb"\d{1,18}", next(iter(lengths))):
        yield b"content-length", next(iter(lengths))
    yield b"connection", b"close"


def _parts(value: bytes) -> list[bytes]:
    return [part.strip().lower().removeprefix(b"+") for part in value.split(b",") if part.strip()]


def _unfolded(head: bytes) -> Iterator[bytes]:
    """The lines; one that begins with a blank goes on with the one before."""
    held: bytes | None = None
    for line in head.lstrip(b"\r\n").split(b"\n"):
        line = line.rstrip(b"\r")
        if held is not None and line[:1] in (b" ", b"\t") and line.strip():
            held += b" " + line.strip()
            continue
        if held:
            yield held
        held = line
    if held:
        yield held


def _fields(lines: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon and len(value) <= _MOST_VALUE and re.fullmatch(_TOKEN, name.strip()):
            yield name.strip().lower(), _CONTROLS.sub(b" ", value).strip()
