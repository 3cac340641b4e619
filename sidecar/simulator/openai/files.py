"""The files of OpenAI's batches: uploaded, listed, read, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar import clock
from sidecar.simulator.bodies import page_size
from sidecar.simulator.exchange import HttpReply, Refusal, Refused, SimRequest
from sidecar.simulator.multipart import read_form

PATH = "/v1/files"
LARGEST_BYTES = 200_000_000
KEPT_SECONDS = 30 * 24 * 3_600


@dataclass(frozen=True, slots=True)
class OpenAIFile:
    id: str
    name: str
    purpose: str
    created_s: int
    content: bytes

    def wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created_s,
            "expires_at": self.created_s + KEPT_SECONDS,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


class OpenAIFiles:
    """They live as long as the simulator does."""

    def __init__(self, now_ms: clock.Now) -> None:
        self._now_ms = now_ms
        self._files: dict[str, OpenAIFile] = {}

    def get(self, id_: str) -> OpenAIFile | None:
        return self._files.get(id_)

    def put(self, id_: str, name: str, purpose: str, content: bytes) -> OpenAIFile:
        file = OpenAIFile(id_, name, purpose, self._now_ms() // 1000, content)
        self._files[id_] = file
        return file

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """None for a path that is no file's. Raises Refused."""
        if path == PATH:
            return self._upload(request, serial) if request.method == "POST" else self._list(request.query)
        if not path.startswith(f"{PATH}/"):
            return None
        id_, _, rest = path.removeprefix(f"{PATH}/").partition("/")
        file = self.get(id_)
        if file is None:
            raise Refused(Refusal(404, f"No such File object: {id_}", param="id"))
        if rest == "content":
            return HttpReply(file.content, "application/octet-stream")
        if request.method == "DELETE":
            del self._files[id_]
            return HttpReply(orjson.dumps({"id": id_, "object": "file", "deleted": True}))
        return HttpReply(orjson.dumps(file.wire()))

    def _upload(self, request: SimRequest, serial: str) -> HttpReply:
        try:
            form = read_form(request.headers.get("content-type", ""), request.body)
        except ValueError as problem:
            raise Refused(Refusal(400, f"Could not read the form: {problem}.")) from None
        file, purpose = form.get("file"), form.get("purpose")
        if purpose is None or purpose.content not in (b"batch", b"user_data"):
            raise Refused(Refusal(400, "Missing or unknown 'purpose'.", param="purpose"))
        if file is None or not file.file_name:
            raise Refused(Refusal(400, "'file' is a required property.", param="file"))
        if len(file.content) > LARGEST_BYTES:
            raise Refused(Refusal(413, "The file is larger than 200 MB.", param="file"))
        kept = self.put(f"file-{serial}", file.file_name, purpose.content.decode(), file.content)
        return HttpReply(orjson.dumps(kept.wire()))

    def _list(self, query: Mapping[str, str]) -> HttpReply:
        purpose = query.get("purpose")
        rows = [file for file in self._files.values() if purpose in (None, file.purpose)]
        if query.get("order", "desc") == "desc":
            rows.reverse()
        return HttpReply(page(rows, query, 10_000, OpenAIFile.wire))


def page(
    rows: list[Any], query: Mapping[str, str], limit: int, wire: Callable[[Any], dict[str, Any]]
) -> bytes:
    """A page of rows that have ids, after the one that the query names."""
    if "after" in query:
        ids = [row.id for row in rows]
        rows = rows[ids.index(query["after"]) + 1 :] if query["after"] in ids else []
    shown = rows[: page_size(query, usual=limit, most=limit)]
    return orjson.dumps(
        {
            "object": "list",
            "data": [wire(row) for row in shown],
            "first_id": shown[0].id if shown else None,
            "last_id": shown[-1].id if shown else None,
            "has_more": len(rows) > len(shown),
        }
    )
