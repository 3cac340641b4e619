"""Where an address has moved to, and whether a question may follow it there (pure).

Nothing was run at the old place. At the same host the question is put again, with its key; to no other does a key go.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

STATUSES = frozenset({301, 302, 307, 308})
MOST = 3
_PORTS = {"http": 80, "https": 443}


def followed(url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Return where the same question is put next: elsewhere at the same host, or the same place over TLS; else None."""
    if status not in STATUSES:
        return None
    there = target(url, headers)
    if there is None or there == url:
        return None
    old, new = urlsplit(url), urlsplit(there)
    if (old.hostname or "").lower() != (new.hostname or "").lower() or new.username or new.password:
        return None
    if old.scheme == new.scheme and _port(old) == _port(new):
        return there
    standard = (_port(old), _port(new)) == (80, 443)
    return (
        there
        if (old.scheme, new.scheme) == ("http", "https") and (standard or _port(old) == _port(new))
        else None
    )


def target(url: str, headers: Mapping[str, str]) -> str | None:
    """Return the whole address that a redirect names, None where it names none."""
    place = headers.get("location", "").strip()
    try:
        there = urljoin(url, place)
        urlsplit(there).port  # noqa: B018 - a port that is none raises
    except ValueError:
        return None
    return (
        there.partition("#")[0]
        if place and urlsplit(there).scheme in _PORTS and urlsplit(there).hostname
        else None
    )


def shown(there: str) -> str:
    """Return an address as a sentence may name it: without a login and without what stands behind a question mark."""
    parts = urlsplit(there)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    where = host if parts.port is None else f"{host}:{parts.port}"
    return f"{parts.scheme}://{where}{parts.path}"[:200]


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]
