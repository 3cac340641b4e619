"""What any vendor's refusal says, whatever its shape: its words, its hints, whether to try again (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

LONGEST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Words:
    """The vendor's own account of an error; every part may be empty."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""


def read_words(body: bytes) -> Words:
    """The words in an error body: JSON in any of the known shapes, or plain text. HTML is nobody's words."""
    text = body.decode("utf-8", "replace").strip()
    try:
        value = orjson.loads(text)
    except ValueError:
        return Words() if text.startswith("<") else Words(message=text[:LONGEST_WORDS])
    return words_of(value)


def words_of(value: Any) -> Words:
    """`{error: {…}}`, `{error: "…", code: "…"}`, `{detail: …}`, `{message: …}`, a bare string, or a list of these."""
    if isinstance(value, str):
        return Words(message=value[:LONGEST_WORDS])
    if isinstance(value, list):
        return words_of(value[0]) if value else Words()
    if not isinstance(value, Mapping):
        return Words()
    for member in ("error", "detail", "errors"):
        inner = value.get(member)
        if isinstance(inner, Mapping) or (isinstance(inner, list) and inner):
            return words_of(inner)
        if isinstance(inner, str) and inner:
            return Words(inner[:LONGEST_WORDS], _text(value.get("type")), _text(value.get("code")))
    message = _text(value.get("message")) or _text(value.get("msg"))
    return Words(
        message[:LONGEST_WORDS],
        _text(value.get("type")),
        _text(value.get("code")),
        _text(value.get("param")),
    )


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """The wait that the vendor asks for: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date."""
    hint = _number(headers.get("retry-after-ms"))
    if hint is not None:
        return max(0, round(hint))
    raw = headers.get("retry-after")
    seconds = _number(raw)
    if seconds is not None:
        return max(0, round(seconds * 1000))
    if raw is None:
        return None
    try:
        moment = parsedate_to_datetime(raw)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round(moment.timestamp() * 1000) - now_ms)


def may_retry(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the same request may succeed later. The vendor's own word (`x-should-retry`) comes first."""
    word = headers.get("x-should-retry", "").strip().lower()
    if word in ("true", "false"):
        return word == "true"
    return status in (408, 409, 429) or status >= 500


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id by which the vendor's support finds the request."""
    return headers.get("x-request-id") or headers.get("request-id") or None


def _number(raw: str | None) -> float | None:
    try:
        number = float(raw or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
