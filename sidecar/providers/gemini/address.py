"""Where the Gemini API is reached (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

VERSION = "v1beta"

# Google's door in OpenAI's protocol lies behind the version, and is not the one that is used here.
_VERSIONED = re.compile(r"/(v\d+[a-z0-9]*)(?:/openai)?$")


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
