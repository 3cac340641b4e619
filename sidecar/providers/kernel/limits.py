"""How fast one key may be used: concurrency that adapts, waits that the vendor asks for, and its limits per minute.

Decisions are pure, with the time passed in (`AimdLimit`, `TokenBucket`); `KeyLimiter` is what waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sidecar.providers.kernel.error_headers import retry_after_ms
from sidecar.providers.kernel.reset_hints import wait_ms

CONGESTED = frozenset({429, 529})
MINUTE_MS = 60_000
LONGEST_HOLD_MS = 60 * MINUTE_MS

# The vendors' two spellings of one header: openai `x-ratelimit-remaining-tokens`, anthropic
# `anthropic-ratelimit-tokens-remaining`.
_PREFIXES = ("x-ratelimit-{what}-{unit}", "anthropic-ratelimit-{unit}-{what}")
_UNITS = ("requests", "tokens", "input-tokens")
# Looked for in every answer.
_NAMES = {
    (what, unit): tuple(shape.format(what=what, unit=unit) for shape in _PREFIXES)
    for what in ("limit", "remaining", "reset")
    for unit in _UNITS
}


class AimdLimit:
    """How many may be in flight: grows by one for each window that went well, halves when the vendor is congested.

    Halves at most once a round trip: refusals of what had left before the last halving are about the same jam.
    """

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self._limit = float(ceiling)
        self._sent = 0
        self._halved_at = 0

    @property
    def limit(self) -> int:
        return max(1, int(self._limit))

    def sent(self) -> int:
        """The number of a request that leaves now."""
        self._sent += 1
        return self._sent

    def went_well(self) -> None:
        self._limit = min(float(self.ceiling), self._limit + 1 / self.limit)

    def congested(self, number: int) -> None:
        if number > self._halved_at:
            self._limit = max(1.0, self._limit / 2)
            self._halved_at = self._sent

    def raise_ceiling(self, ceiling: int) -> None:
        if ceiling > self.ceiling:
            self._limit += ceiling - self.ceiling
            self.ceiling = ceiling


@dataclass(slots=True)
class TokenBucket:
    """Requests or tokens a minute, as a bucket that fills steadily and never believes itself fuller than the vendor."""

    per_minute: float
    left: float
    at_ms: int

    def wait_ms(self, amount: float, now_ms: int) -> int:
        """Milliseconds until so much may be used; what is larger than the bucket waits until it is full."""
        self._fill(now_ms)
        missing = min(amount, self.per_minute) - self.left
        return 0 if missing <= 0 else int(missing * MINUTE_MS / self.per_minute) + 1

    def use(self, amount: float, now_ms: int) -> None:
        self._fill(now_ms)
        self.left -= amount

    def learn(self, per_minute: float, remaining: float, now_ms: int) -> None:
        self._fill(now_ms)
        self.per_minute = per_minute
        self.left = min(self.left, remaining, per_minute)

    def _fill(self, now_ms: int) -> None:
        passed = max(0, now_ms - self.at_ms)
        self.left = min(self.per_minute, self.left + self.per_minute * passed / MINUTE_MS)
        self.at_ms = now_ms


class Limits:
    """What is known of one key's limits, and what follows from it."""

    def __init__(self, ceiling: int) -> None:
        self.course = AimdLimit(ceiling)
        self.in_flight = 0
        self._held_at = self._hold_until = 0
        # Vendors limit each model by itself.
        self._allowances: dict[tuple[str, str], TokenBucket] = {}

    def wait_ms(self, model: str, tokens: int, now_ms: int) -> int:
        """How long a request must wait for reasons of time; 0 when only a place may be missing."""
        if now_ms < self._held_at:
            # The clock was put back; how long to wait is what the vendor said, not until when.
            self._hold_until -= self._held_at - now_ms
            self._held_at = now_ms
        wait = max(0, self._hold_until - now_ms)
        for amount, allowance in self._of(model, tokens):
            wait = max(wait, allowance.wait_ms(amount, now_ms))
        return wait

    @property
    def has_room(self) -> bool:
        return self.in_flight < self.course.limit

    def send(self, model: str, tokens: int, now_ms: int) -> int:
        """A request leaves; gives its number."""
        self.in_flight += 1
        for amount, allowance in self._of(model, tokens):
            allowance.use(amount, now_ms)
        return self.course.sent()

    def observe(
        self,
        model: str,
        number: int,
        status: int,
        headers: Mapping[str, str],
        hint_ms: int | None,
        now_ms: int,
    ) -> None:
        """Learns from an answer to the request of that number."""
        if status in CONGESTED:
            self.course.congested(number)
        elif 200 <= status < 300:
            self.course.went_well()
        if status in CONGESTED or status == 503:
            self.hold((retry_after_ms(headers, now_ms) if hint_ms is None else hint_ms) or 0, now_ms)
        for unit in _UNITS:
            self._learn(model, unit, headers, now_ms)

    def _of(self, model: str, tokens: int) -> Iterator[tuple[int, TokenBucket]]:
        for unit in _UNITS:
            allowance = self._allowances.get((model, unit))
            if allowance is not None:
                yield 1 if unit == "requests" else tokens, allowance

    def hold(self, wait_ms: int, now_ms: int) -> None:
        """Let nothing leave for so long."""
        if wait_ms > LONGEST_HOLD_MS:
            # Nobody waits so long in silence: who asks is told.
            return
        until = now_ms + wait_ms
        if until > self._hold_until or now_ms < self._held_at:
            self._held_at, self._hold_until = now_ms, until

    def _learn(self, model: str, unit: str, headers: Mapping[str, str], now_ms: int) -> None:
        limit = _number(_header(headers, "limit", unit))
        remaining = _number(_header(headers, "remaining", unit))
        if remaining is not None and remaining <= 0:
            self.hold(wait_ms(_header(headers, "reset", unit) or "", now_ms) or 0, now_ms)
        if limit is None or limit <= 0:
            return
        known = self._allowances.setdefault((model, unit), TokenBucket(limit, limit, now_ms))
        known.learn(limit, limit if remaining is None else remaining, now_ms)


@dataclass(frozen=True, slots=True)
class Hold:
    """The next request of a key waits for a limit that the vendor told, between these times (ms)."""

    since: int
    until: int


class KeyLimiter:
    """Lets requests through as the limits of one key allow, in the order in which they came.

    `hold` says for how long, where the next one waits for time to pass and not for a place.
    """

    def __init__(self, limits: Limits, now_ms: Callable[[], int]) -> None:
        self.limits = limits
        self._now_ms = now_ms
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self.hold: Hold | None = None

    async def enter(self, model: str, tokens: int) -> int:
        """Waits for a place; gives the number of the request that leaves now."""
        async with self._turn:
            try:
                while True:
                    now = self._now_ms()
                    wait_ms = self.limits.wait_ms(model, tokens, now)
                    if wait_ms <= 0 and self.limits.has_room:
                        return self.limits.send(model, tokens, now)
                    since = now if self.hold is None else self.hold.since
                    self.hold = Hold(since, now + wait_ms) if wait_ms > 0 else None
                    self._changed.clear()
                    await self._change(wait_ms)
            finally:
                self.hold = None

    async def _change(self, wait_ms: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000 if wait_ms > 0 else None):
                await self._changed.wait()

    def observe(
        self, model: str, number: int, status: int, headers: Mapping[str, str], hint_ms: int | None
    ) -> None:
        self.limits.observe(model, number, status, headers, hint_ms, self._now_ms())
        self._changed.set()

    def put_off(self, wait_ms: int) -> None:
        """Let nothing leave for so long: nobody was there."""
        self.limits.hold(wait_ms, self._now_ms())

    def leave(self) -> None:
        self.limits.in_flight -= 1
        self._changed.set()


class KeyLimiters:
    """The gates of this run, one for each provider and key."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._gates: dict[tuple[str, str], KeyLimiter] = {}

    def holds(self) -> dict[str, Hold]:
        """The providers whose next request waits for a limit; of several keys, the one that waits longest."""
        held = [(provider, gate.hold) for (provider, _), gate in self._gates.items() if gate.hold is not None]
        return dict(sorted(held, key=lambda each: each[1].until))

    def of(self, provider: str, key: str, ceiling: int) -> KeyLimiter:
        """The gate for that key; its ceiling is the highest that anybody asked for."""
        gate = self._gates.get((provider, key))
        if gate is None:
            gate = self._gates[provider, key] = KeyLimiter(Limits(ceiling), self._now_ms)
        gate.limits.course.raise_ceiling(ceiling)
        return gate


def _header(headers: Mapping[str, str], what: str, unit: str) -> str | None:
    return next((headers[name] for name in _NAMES[what, unit] if name in headers), None)


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e15 else None
