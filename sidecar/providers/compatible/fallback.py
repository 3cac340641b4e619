"""Where the paths of a server may begin (pure)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sidecar.errors import Failure

_VERSION = re.compile(r"v\d+\w*")
# What people paste with the address: the whole place of a question or a list, also of a server's own kind.
_ENDING = re.compile(
    r"(?:/chat/completions|/completions|/responses|/embeddings|/messages|/models"
    r"|/api/(?:chat|generate|tags|embed|v0/models|v0))+$",
    re.IGNORECASE,
)


def roots(base_url: str) -> tuple[str, ...]:
    """Where the paths of the server may begin, likeliest first: with a version when the address has none."""
    url = _ENDING.sub("", base_url.strip().rstrip("/"))
    last = urlsplit(url).path.rpartition("/")[2]
    if "/deployments/" in url:
        # Azure names the model in the path, and the version behind it.
        return url, f"{url}/v1"
    return (url,) if _VERSION.fullmatch(last.lower()) else (f"{url}/v1", url)


def nothing_there(failure: Failure) -> bool:
    """Whether the path is unknown, rather than the model in the request."""
    said = (failure.detail or "").lower()
    return failure.status in (404, 405) and not any(word in said for word in ("model", "deployment"))
