"""When a limit is over, in the many ways that servers tell it beside `retry-after` (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping
from sidecar.providers.kernel.whole_waits import whole_wait

_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|d|h|m|s)", re.IGNORECASE)
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?\s*(?:ms|d|h|m|s)\s*)+", re.IGNORECASE)
_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SAID = re.compile(
    r"(?:try again|retry|wait|available|reset\w*)[^.\d]{0,40}?(?P<count>\d+(?:\.\d+)?)\s*"
    r"(?P<unit>ms|milliseconds?|d(?:ays?)?|h(?:ours?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])"
    r"(?P<rest>(?:\s*\d+(?:\.\d+)?\s*(?:ms|h|m|s)(?![a-z]))*)",
    re.IGNORECASE,
)
# The limit's own name may stand behind.
_HEADERS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "rate-limit-reset")
_AFTER = ("x-ratelimit-reset-after", "x-retry-after", "x-ms-retry-after-ms", "x-ratelimit-retry-after")
_LONGEST_REFILL_MS = 60_000
# Numbers beyond these are moments and no waits: seconds, and milliseconds, since 1970.
_MOMENT_S, _MOMENT_MS = 10**9, 10**12


def wait_ms(text: str, now_ms: int) -> int | None:
    """Return the wait that a text tells: seconds, `1m30s`, `20ms`, a date, or a moment since 1970; None for none."""
    text = text.strip().strip("\"'")
    try:
        number = float(text)
    except ValueError:
        return _spelled(text, now_ms)
    if number >= _MOMENT_MS:
        return whole_wait(number - now_ms)
    if number >= _MOMENT_S:
        return whole_wait(number * 1000 - now_ms)
    return whole_wait(number * 1000)


def reset_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """Return the wait until every limit that is used up is over; of limits that do not say so, until the first is."""
    for name in _AFTER:
        if name in headers:
            ms = name.endswith("-ms")
            return wait_ms(f"{headers[name]}{'ms' if ms else ''}", now_ms)
    used_up: list[int] = []
    others: list[int] = []
    for name, value in headers.items():
        kept = next((each for each in _HEADERS if name == each or name.startswith(f"{each}-")), None)
        wait = None if kept is None else wait_ms(value, now_ms)
        # The moment at which one of several limits is full again is no reason to give up: it fills all the time.
        if wait is not None and (name == kept or wait <= _LONGEST_REFILL_MS):
            left = headers.get(name.replace("reset", "remaining"), "").strip()
            (used_up if left in ("0", "0.0") else others).append(wait)
    return max(used_up) if used_up else min(others, default=None)


def said_ms(value: Any, message: str, now_ms: int) -> int | None:
    """Return the wait that an error tells in itself: a member `retry_after`, a gateway's headers, or its words."""
    error = as_mapping(value)
    places = [error, *(as_mapping(error.get(name)) for name in ("error", "metadata", "details"))]
    places += [as_mapping(places[1].get("metadata")), *map(as_mapping, as_list(error.get("detail")))]
    for place in places:
        for name in ("retry_after", "retryAfter", "retry_after_seconds"):
            told = place.get(name)
            if isinstance(told, int | float | str) and not isinstance(told, bool):
                return wait_ms(str(told), now_ms)
        headers = {name.lower(): str(each) for name, each in as_mapping(place.get("headers")).items()}
        if headers and (found := reset_ms(headers, now_ms)) is not None:
            return found
    said = _SAID.search(message)
    if said is None:
        return None
    unit = said["unit"].lower()
    of = "ms" if unit.startswith(("ms", "milli")) else unit[0]
    return whole_wait(float(said["count"]) * _MS[of] + (_spelled(said["rest"], now_ms) or 0))


def _spelled(text: str, now_ms: int) -> int | None:
    if _WHOLE.fullmatch(text.strip()):
        return whole_wait(sum(float(count) * _MS[unit.lower()] for count, unit in _PARTS.findall(text)))
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text.strip())
        except (ValueError, OverflowError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return whole_wait(moment.timestamp() * 1000 - now_ms)
    return None
