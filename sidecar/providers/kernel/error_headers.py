"""What the headers of a refusal say: how long to wait, whether to ask again, by which id it is found (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sidecar.providers.kernel.reset_hints import wait_ms
from sidecar.providers.kernel.whole_waits import whole_wait


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """The wait that the vendor asks for: `retry-after-ms`, or `retry-after` in seconds or however it is spelled."""
    hint = _number(headers.get("retry-after-ms"))
    if hint is not None:
        return whole_wait(hint)
    raw = headers.get("retry-after")
    return None if raw is None else wait_ms(raw, now_ms)


def may_retry(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the same request may succeed later. The vendor's own word (`x-should-retry`) comes first."""
    word = headers.get("x-should-retry", "").strip().lower()
    if word in ("true", "false"):
        return word == "true"
    return status in (408, 409, 425, 429) or status >= 500


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id by which the vendor's support finds the request."""
    return headers.get("x-request-id") or headers.get("request-id") or None


def _number(raw: str | None) -> float | None:
    try:
        number = float(raw or "")
    except ValueError:
        return None
    return None if math.isnan(number) else number
