"""Request and reply bodies of Anthropic, as the simulator speaks them: `python -m tests.helpers.anthropic_recording`.

One file for each case: what was asked, what was sent and answered, and what it counted and cost.
"""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from sidecar.money import pricing
from sidecar.providers.base import Done, TextDelta, ThinkingDelta, Turn, Usage, UsageSoFar
from sidecar.simulator.transport import simulated_transport
from tests.helpers.anthropic_asking import BETWEEN, BUDGET, EITHER, catalogue, collect, over, plan
from tests.helpers.simulated import simulator

FOLDER = Path(__file__).parent.parent / "providers" / "recorded" / "anthropic"
DAY = date(2026, 11, 23)
KEPT_HEADERS = ("content-type", "request-id", "retry-after", "anthropic-version")

_LONG = "Be brief. " * 800
_SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1}, "why": {"type": ["string", "null"]}},
    "required": ["score"],
}
CASES: dict[str, dict[str, Any]] = {
    "bare": {"text": "Why is the sky blue?"},
    "thinking": {"text": "Why is the sky blue?", "thinking": True, "effort": "low"},
    "thinking-budget": {"model": BUDGET, "text": "Why?", "thinking": True, "max_output_tokens": 2_000},
    "temperature": {"model": EITHER, "text": "Why?", "temperature": 0.5, "system": "Be brief."},
    "conversation": {
        "turns": (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c")),
        "developer": "Metres.",
    },
    "schema": {"text": "Judge it.", "json_mode": True, "json_schema": _SCHEMA},
    "json-in-words": {"text": "Judge it.", "json_mode": True},
    "cache-5m": {"text": "Why?", "system": _LONG, "cache_ttl": "5m"},
    "cache-1h": {"text": "Why?", "system": _LONG, "cache_ttl": "1h"},
    "web-search": {"text": "Reply with exactly: found", "web_search_max_uses": 3},
    "pause-turn": {"text": "Search and pause 2 times.", "web_search_max_uses": 5},
    "length": {"text": "Why? [[simulate: finish=length]]"},
    "refusal": {"text": "Why? [[simulate: refusal=1]]"},
    "stream-error": {"text": "Why? [[simulate: error_after=2]]"},
    "rate-limit": {"text": "Why? [[simulate: status=429 retry_after=3 times=1]]"},
    "overloaded": {"text": "Why? [[simulate: status=529 times=1]]"},
    "spent": {"text": "Why? [[simulate: quota=1]]"},
}


class Tape(httpx.AsyncBaseTransport):
    """Writes down every exchange that goes through it. The key is not written down."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.exchanges: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = {
            "method": request.method,
            "path": request.url.path,
            "headers": _kept(request.headers),
            "body": json.loads(await request.aread()),
        }
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        replied = {"status": response.status_code, "headers": _kept(response.headers), "body": body.decode()}
        self.exchanges.append({"request": asked, "reply": replied})
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)


async def record(case: str) -> dict[str, Any]:
    """The case, run against a fresh simulator."""
    tape = Tape(simulated_transport(simulator()))
    return {**await outcome(case, tape), "exchanges": tape.exchanges}


async def outcome(case: str, transport: httpx.AsyncBaseTransport) -> dict[str, Any]:
    """What the real provider makes of the case over that transport."""
    events, failure = await collect(over(transport), plan(**CASES[case]))
    usage: Usage | None = None
    for event in events:
        if isinstance(event, UsageSoFar):
            usage = event.usage
    done = events[-1] if events and isinstance(events[-1], Done) else None
    return {
        "text": "".join(event.text for event in events if isinstance(event, TextDelta)),
        "thinking": "".join(event.text for event in events if isinstance(event, ThinkingDelta)),
        "finishReason": done.finish_reason if done else None,
        "servedModel": done.served_model if done else None,
        "citations": [citation.url for citation in done.citations] if done else [],
        "failure": {"kind": failure.kind, "message": failure.message} if failure else None,
        "usage": _wire(usage) if usage else None,
        "costUSD": _cost(CASES[case].get("model", BETWEEN), usage) if usage else None,
    }


def _wire(usage: Usage) -> dict[str, Any]:
    fields = (
        "in_uncached",
        "cache_read",
        "cache_write_short",
        "cache_write_long",
        "out_visible",
        "out_reasoning",
    )
    return {name: getattr(usage, name) for name in (*fields, "searches", "prompt_total", "service_tier")}


def _cost(model: str, usage: Usage) -> str:
    entry = catalogue().reported("anthropic", model)
    assert entry is not None
    cost = pricing.cost(usage, catalogue().price_entry(entry, DAY))
    assert isinstance(cost, pricing.Cost), cost
    return format(cost.total_usd, "f")


def _kept(headers: httpx.Headers) -> dict[str, str]:
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


def _write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        text = json.dumps(asyncio.run(record(case)), ensure_ascii=False, indent=1)
        (FOLDER / f"{case}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    _write()
