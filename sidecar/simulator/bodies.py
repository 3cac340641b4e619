"""What every simulated vendor reads and writes alike: JSON members, events, headers, times, pages (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from sidecar.simulator.exchange import Refusal, Refused

SEARCHED_PAGE = "https://example.com/simulated"
SEARCHED_TITLE = "A simulated page"


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value where it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def read_json(body: bytes, otherwise: Refusal) -> Any:
    """Return the JSON of a body. Raise Refused with `otherwise` for what is none."""
    try:
        return orjson.loads(body)
    except ValueError:
        raise Refused(otherwise) from None


def part_texts(parts: Any) -> list[Any]:
    """Return the member `text` of every part in a list, None where it is missing."""
    return [mapping(part).get("text") for part in parts] if isinstance(parts, list) else []


def data_event(value: Mapping[str, Any]) -> bytes:
    """Return a server-sent event without a name."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def named_event(kind: str, members: Mapping[str, Any]) -> bytes:
    """Return a server-sent event whose name its data repeats as `type`."""
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps({"type": kind, **members}) + b"\n\n"


def retry_after(refusal: Refusal) -> dict[str, str]:
    """Return the header that says how many seconds to wait, where the refusal has it."""
    return {} if refusal.retry_after_s is None else {"retry-after": f"{refusal.retry_after_s:g}"}


def utc_text(ms: int) -> str:
    """Return milliseconds since 1970 as `2026-01-02T03:04:05Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def page_size(query: Mapping[str, str], *, name: str = "limit", usual: int, most: int | None = None) -> int:
    """Return how many elements a page is to have: as many as asked for, `usual` without a number, never over `most`."""
    given = query.get(name, "")
    wanted = int(given) if given.isdigit() and int(given) else usual
    return wanted if most is None else min(wanted, most)


def model_at(path: str, rows: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Return the row of `/v1/models/{id}`; None for another path, and for a model that is not listed."""
    name = path.removeprefix("/v1/models/")
    found = next((row for row in rows if row["id"] == name), None)
    return orjson.dumps(found) if path.startswith("/v1/models/") and found else None
