"""What a request carries: JSON, or bytes of another kind that are made as they are sent (pure)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

SEND_BYTES = 256 * 1024
# A longer body is not sent in one piece.
WHOLE_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class RawBody:
    """`length` bytes of that type. `pieces` is called anew for each attempt, so a large body is never whole."""

    content_type: str
    length: int
    pieces: Callable[[], Iterator[bytes]]


Body = Mapping[str, Any] | RawBody
"""A mapping is sent as JSON."""


def encode_json(body: Mapping[str, Any]) -> bytes:
    """The body as UTF-8 JSON. Half an emoji, which UTF-8 cannot hold, finds its other half or is a question mark."""
    try:
        return orjson.dumps(body)
    except TypeError:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False)
        joined = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return joined.encode("utf-8", "replace")


def json_body(body: Mapping[str, Any]) -> bytes | RawBody:
    """The body as JSON; a long one in pieces, since the network would hold everybody while it takes megabytes."""
    content = encode_json(body)
    if len(content) <= WHOLE_BYTES:
        return content
    begins = range(0, len(content), SEND_BYTES)
    return RawBody("application/json", len(content), lambda: (content[at : at + SEND_BYTES] for at in begins))


def lines_body(lines: Sequence[bytes], content_type: str = "application/jsonl") -> RawBody:
    """The lines, each with its end. They are gone through twice: for the length, and for each sending."""
    length = sum(len(line) + 1 for line in lines)
    return RawBody(content_type, length, lambda: _gathered(line + b"\n" for line in lines))


def array_body(member: str, lines: Sequence[bytes]) -> RawBody:
    """A JSON object whose one member is the array of the lines, each of them a JSON value.

    They are gone through as those of `lines_body` are.
    """

    def pieces() -> Iterator[bytes]:
        yield f'{{"{member}":['.encode()
        for number, line in enumerate(lines):
            yield b"," + line if number else line
        yield b"]}"

    return RawBody("application/json", sum(map(len, pieces())), lambda: _gathered(pieces()))


def form_body(fields: Mapping[str, str], file_name: str, file: RawBody, boundary: str) -> RawBody:
    """A multipart form of text fields and one file, which comes last. `boundary` must occur in none of them."""
    head = "".join(
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{file_name}"\r\n'
        f"content-type: {file.content_type}\r\n\r\n"
    )
    first, last = head.encode(), f"\r\n--{boundary}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield first
        yield from file.pieces()
        yield last

    return RawBody(f"multipart/form-data; boundary={boundary}", len(first) + file.length + len(last), pieces)


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of a size that is worth a write."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        if len(gathered) >= SEND_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
