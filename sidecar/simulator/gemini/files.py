"""The files of the Gemini API: uploaded in two steps or more, listed, downloaded where they are results."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from sidecar import clock
from sidecar.simulator.bodies import utc_text
from sidecar.simulator.exchange import HttpReply, Refusal, Refused, SimRequest
from sidecar.simulator.gemini.spelling import in_camel_case

LARGEST_BYTES = 2_000_000_000
KEPT_MS = 48 * 3_600 * 1_000

_PATH = re.compile(r"/(upload/|download/)?(v1(?:beta|alpha)?)/files(?:/([^/:]+))?(:download)?")
_VENDORS_HOST = "generativelanguage.googleapis.com"


@dataclass(slots=True)
class GeminiFile:
    """`generated` files are results; only they can be downloaded."""

    name: str
    display_name: str
    kind: str
    created_at: int
    content: bytearray = field(default_factory=bytearray)
    expected: int = 0
    generated: bool = False
    whole: bool = False

    def wire(self) -> dict[str, Any]:
        created, expires = utc_text(self.created_at), utc_text(self.created_at + KEPT_MS)
        wire = {
            "name": self.name,
            "displayName": self.display_name,
            "mimeType": self.kind,
            "sizeBytes": str(len(self.content)),
            "createTime": created,
            "updateTime": created,
            "expirationTime": expires,
            "sha256Hash": base64.b64encode(hashlib.sha256(self.content).digest()).decode(),
            "uri": f"https://{_VENDORS_HOST}/v1beta/{self.name}",
            "state": "ACTIVE",
            "source": "GENERATED" if self.generated else "UPLOADED",
        }
        if self.generated:
            wire["downloadUri"] = f"https://{_VENDORS_HOST}/download/v1beta/{self.name}:download?alt=media"
        return wire


class GeminiFiles:
    """They live as long as the simulator does."""

    def __init__(self, now_ms: clock.Now) -> None:
        self._now_ms = now_ms
        self._files: dict[str, GeminiFile] = {}

    def get(self, name: str) -> GeminiFile | None:
        """The file of that name, `files/…`, when all of it has arrived."""
        file = self._files.get(name)
        return file if file is not None and file.whole else None

    def put_results(self, name: str, content: bytes) -> None:
        self._files[name] = GeminiFile(
            name, "", "application/jsonl", self._now_ms(), bytearray(content), generated=True, whole=True
        )

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """None for a path that is no file's. Raises Refused."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        place, version, id_, download = found.groups()
        if place == "upload/":
            begun = request.query.get("upload_id")
            return self._go_on(begun, request) if begun else self._begin(request, version, serial)
        if id_ is None:
            files = [file.wire() for file in reversed(self._files.values()) if file.whole]
            return HttpReply(orjson.dumps({"files": files} if files else {}))
        file = self.get(f"files/{id_}")
        if file is None:
            # The vendor does not say which of the two it is.
            raise Refused(
                Refusal(403, f"You do not have permission to access the File {id_} or it may not exist.")
            )
        if download:
            if not file.generated:
                raise Refused(Refusal(400, "Only generated files can be downloaded."))
            return HttpReply(bytes(file.content), "application/octet-stream")
        if request.method == "DELETE":
            del self._files[file.name]
            return HttpReply(b"{}")
        return HttpReply(orjson.dumps(file.wire()))

    def _begin(self, request: SimRequest, version: str, serial: str) -> HttpReply:
        """Where to put the bytes: at the host that was asked, below the prefix that it has there."""
        headers = request.headers
        size = headers.get("x-goog-upload-header-content-length", "")
        if headers.get("x-goog-upload-protocol") != "resumable" or not size.isdigit():
            raise Refused(Refusal(400, "Invalid upload: a resumable one needs its content length."))
        if int(size) > LARGEST_BYTES:
            raise Refused(Refusal(400, "The file is larger than 2 GB."))
        try:
            told = in_camel_case(orjson.loads(request.body or b"{}").get("file", {}))
        except (ValueError, AttributeError):
            raise Refused(Refusal(400, "Invalid JSON payload received.")) from None
        name = str(told.get("name") or f"files/{serial}")
        self._files[name] = GeminiFile(
            name,
            str(told.get("displayName") or ""),
            headers.get("x-goog-upload-header-content-type", "application/octet-stream"),
            self._now_ms(),
            expected=int(size),
        )
        host = headers.get("host", "127.0.0.1")
        base = f"https://{host}" if host == _VENDORS_HOST else f"http://{host}/gemini"
        url = (
            f"{base}/upload/{version}/files?upload_id={name.removeprefix('files/')}&upload_protocol=resumable"
        )
        return HttpReply(b"", headers={"x-goog-upload-url": url, "x-goog-upload-status": "active"})

    def _go_on(self, upload_id: str, request: SimRequest) -> HttpReply:
        file = self._files.get(f"files/{upload_id}")
        command = request.headers.get("x-goog-upload-command", "")
        if file is None or file.whole or "upload" not in command:
            raise Refused(Refusal(404, "There is no such upload."))
        if request.headers.get("x-goog-upload-offset") != str(len(file.content)):
            raise Refused(Refusal(400, "The upload goes on at another place."))
        file.content += request.body
        if "finalize" not in command:
            return HttpReply(b"", headers={"x-goog-upload-status": "active"})
        if len(file.content) != file.expected:
            raise Refused(Refusal(400, "The upload is not as long as it was said to be."))
        file.whole = True
        return HttpReply(orjson.dumps({"file": file.wire()}), headers={"x-goog-upload-status": "final"})
