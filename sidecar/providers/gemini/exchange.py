"""How the Gemini API is reached: its addresses, its key, and who reads its refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.errors import Failure
from sidecar.providers.gemini.errors import TITLE, Asked, refusal
from sidecar.providers.kernel.http import HttpClient, ReadRefusal

VERSION = "v1beta"

_VERSIONED = re.compile(r"/(v\d+[a-z0-9]*)$")


@dataclass(frozen=True, slots=True)
class Address:
    """Where calls go. Uploads and downloads have their own places, beside the version and not below it."""

    root: str
    version: str

    @property
    def api(self) -> str:
        return f"{self.root}/{self.version}"

    @property
    def upload(self) -> str:
        return f"{self.root}/upload/{self.version}"

    @property
    def download(self) -> str:
        return f"{self.root}/download/{self.version}"


def address(base_url: str) -> Address:
    """Of a base URL as the vendor's own client takes it, without a version; one that has a version keeps it."""
    base = base_url.rstrip("/")
    found = _VERSIONED.search(base)
    return Address(base[: found.start()], found[1]) if found else Address(base, VERSION)


def authorization(asked: Asked) -> Mapping[str, str]:
    """The key in a header: in a URL it would be in every log on the way. Raises Failure for what can be no header."""
    key = asked.key
    if not key:
        return {}
    if not (key.isascii() and key.isprintable()):
        raise Failure(
            "invalid_api_key",
            f"The {TITLE} API key holds characters that no key has. Paste it again in the settings.",
            provider=asked.provider,
        )
    return {"x-goog-api-key": key}


def refusal_reader(http: HttpClient, asked: Asked) -> ReadRefusal:
    def read(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
        return refusal(status, headers, body, asked, http.now_ms())

    return read
