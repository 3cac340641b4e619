"""One line of a recording for each thing that crossed (pure).

`{">": message, "at": ms}` came from the client, `{"<": message, "at": ms}` went to it. All else is `{"meta": {...}}`,
which readers that only look at the pipe pass over: the start of a session (`recorded`), a request to the network
(`net`), its answer piece by piece (`net<`), the end of the input (`eof`), and what could not be kept.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from sidecar.recorder.redaction import Redaction

FORMAT = 1
# A message or a body beyond this is not kept: parsing it would hold up everything else.
MAX_KEPT_BYTES = 8 * 1024 * 1024

_HEAD_BYTES, _TAIL_BYTES = 4096, 256
_METHOD = re.compile(rb'"method"\s*:\s*"([^"\\]{1,200})"')
_ID = re.compile(rb'"id"\s*:\s*("[^"\\]{0,200}"|-?\d{1,20})')


def meta(**members: Any) -> bytes:
    return line({"meta": members})


def line(entry: Mapping[str, Any]) -> bytes:
    """One line of JSON. Raises ValueError or RecursionError for what JSON cannot say."""
    try:
        return json.dumps(entry, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(entry, allow_nan=False).encode("ascii") + b"\n"


def received(frame: bytes, at: int, redaction: Redaction) -> bytes:
    """A frame of the client. What is not JSON is only counted: nobody can say where a key is in it."""
    if len(frame) > MAX_KEPT_BYTES:
        return _cut(">", frame, at, redaction)
    try:
        return line({">": redaction.request(json.loads(frame.decode("utf-8"))), "at": at})
    except (ValueError, RecursionError):
        return meta(unreadable={"at": at, "bytes": len(frame)})


def sent(body: bytes, at: int, redaction: Redaction) -> bytes:
    """A message to the client."""
    if len(body) > MAX_KEPT_BYTES:
        return _cut("<", body, at, redaction)
    return line({"<": redaction.answer(json.loads(body)), "at": at})


def asked(
    number: int,
    at: int,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    size: int,
    redaction: Redaction,
) -> bytes:
    """A request to the network. `body` may be the beginning of what was sent, of `size` bytes in all."""
    # First, because the key is in them.
    hidden = redaction.asked_headers(headers)
    members: dict[str, Any] = {
        "n": number,
        "at": at,
        "method": method,
        "url": redaction.url(url),
        "headers": hidden,
    }
    if size > len(body):
        members["cut"] = size
    elif body:
        members.update(_asked_body(body, headers.get("content-type", ""), redaction))
    return meta(net=members)


def answered(number: int, at: int, status: int, headers: Mapping[str, str], redaction: Redaction) -> bytes:
    members = {"n": number, "at": at, "status": status, "headers": redaction.answered_headers(headers)}
    return meta(**{"net<": members})


def piece(number: int, at: int, data: bytes, redaction: Redaction) -> bytes:
    """A piece of an answer, cut where no key can be cut."""
    return meta(**{"net<": {"n": number, "at": at, **_body(data, redaction)}})


def ended(number: int, at: int, how: Any, cut: int) -> bytes:
    """`how` is "complete", "closed" (by us) or what broke; `cut` counts bytes that were not kept."""
    return meta(**{"net<": {"n": number, "at": at, "end": how, **({"cut": cut} if cut else {})}})


def data_of(members: Mapping[str, Any]) -> bytes:
    """The bytes of a body or a piece, as they were written by the functions above."""
    if "json" in members:
        return json.dumps(members["json"], ensure_ascii=False).encode("utf-8", "replace")
    if "base64" in members:
        return base64.b64decode(members["base64"])
    return str(members.get("text", "")).encode("utf-8")


def _asked_body(body: bytes, content_type: str, redaction: Redaction) -> dict[str, Any]:
    if "json" in content_type and "jsonl" not in content_type:
        try:
            return {"json": redaction.value(json.loads(body))}
        except (ValueError, RecursionError):
            pass
    return _body(body, redaction)


def _body(data: bytes, redaction: Redaction) -> dict[str, str]:
    try:
        return {"text": redaction.text(data.decode("utf-8"))}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(redaction.data(data)).decode("ascii")}


def _cut(direction: str, data: bytes, at: int, redaction: Redaction) -> bytes:
    """Which message it was, without what it said; `<any>` is what matches anything."""
    head, tail = data[:_HEAD_BYTES], data[-_TAIL_BYTES:]
    message: dict[str, Any] = {"jsonrpc": "2.0"}
    found = _ID.search(head.partition(b'"params"')[0]) or _ID.search(tail)
    method = _METHOD.search(head)
    if method is not None:
        message["method"] = method[1].decode("utf-8", "replace")
    elif direction == "<":
        message["result"] = "<any>"
    if found is not None:
        message["id"] = json.loads(found[1])
    return line({direction: redaction.value(message), "at": at, "cut": len(data)})
