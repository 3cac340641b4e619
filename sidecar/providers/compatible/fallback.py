"""Where the paths of a server may begin (pure)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sidecar.errors import Failure

_VERSION = re.compile(r"v\d+\w*")
_ENDINGS = ("/chat/completions", "/completions", "/models")


def roots(base_url: str) -> tuple[str, ...]:
    """Where the paths of the server may begin, likeliest first: with a version when the address has none."""
    url = base_url.strip().rstrip("/")
    for ending in _ENDINGS:
        url = url.removesuffix(ending)
    last = urlsplit(url).path.rpartition("/")[2]
    if "/deployments/" in url:
        # Azure names the model in the path, and the version behind it.
        return url, f"{url}/v1"
    return (url,) if _VERSION.fullmatch(last) else (f"{url}/v1", url)


def nothing_there(failure: Failure) -> bool:
    """Whether the path is unknown, rather than the model in the request."""
    return failure.status in (404, 405) and "model" not in (failure.detail or "").lower()
