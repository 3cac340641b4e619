"""Request and reply bodies of every vendor, as the simulator speaks them.

`python -m tests.providers.conformance.recordings` writes one file for each case: what it was read as, counted and cost,
and what was sent and answered for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from sidecar.providers.base import Done, Turn, Usage
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.gemini.routes import GeminiVendor
from sidecar.simulator.transport import simulated_transport
from tests.helpers.answers import collect, text_of, thinking_of, usage_of
from tests.helpers.compatible import ABLE, PLAIN
from tests.helpers.models import priced
from tests.helpers.simulated import no_wait, simulator
from tests.providers.conformance.anthropic import AnthropicMessages
from tests.providers.conformance.compatible import CompatibleServer
from tests.providers.conformance.gemini import GeminiContent
from tests.providers.conformance.grok import GrokChat
from tests.providers.conformance.vendor import KEY, SCHEMA, Vendor

FOLDER = Path(__file__).parent.parent / "recorded"
KEPT_HEADERS = ("content-type", "request-id", "retry-after", "anthropic-version")

_LONG = "Be brief. " * 800
_JUDGED = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1}, "why": {"type": ["string", "null"]}},
    "required": ["score"],
}
_FOUR = "Reply with exactly: four"
_OK = "Reply with exactly: ok"
_CONVERSATION = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"))
_MULTI_AGENT, _LITE = "grok-4.20-multi-agent-0309", "gemini-2.5-flash-lite"
ANTHROPIC: dict[str, dict[str, Any]] = {
    "bare": {"text": "Why is the sky blue?"},
    "thinking": {"text": "Why is the sky blue?", "thinking": True, "effort": "low"},
    "thinking-budget": {"model": "claude-haiku-4-5", "thinking": True, "max_output_tokens": 2_000},
    "temperature": {"model": "claude-sonnet-4-6", "temperature": 0.5, "system": "Be brief."},
    "conversation": {"turns": _CONVERSATION, "developer": "Metres."},
    "schema": {"text": "Judge it.", "json_mode": True, "json_schema": _JUDGED},
    "json-in-words": {"text": "Judge it.", "json_mode": True},
    "cache-5m": {"system": _LONG, "cache_ttl": "5m"},
    "cache-1h": {"system": _LONG, "cache_ttl": "1h"},
    "web-search": {"text": "Reply with exactly: found", "web_search_max_uses": 3},
    "pause-turn": {"text": "Search and pause 2 times.", "web_search_max_uses": 5},
    "length": {"text": "Why? [[simulate: finish=length]]"},
    "refusal": {"text": "Why? [[simulate: refusal=1]]"},
    "stream-error": {"text": "Why? [[simulate: error_after=2]]"},
    "rate-limit": {"text": "Why? [[simulate: status=429 retry_after=3 times=1]]"},
    "overloaded": {"text": "Why? [[simulate: status=529 times=1]]"},
    "spent": {"text": "Why? [[simulate: quota=1]]"},
}
GEMINI: dict[str, dict[str, Any]] = {
    "bare": {"text": _FOUR},
    "instructions": {
        "model": _LITE,
        "text": _FOUR,
        "system": "Be brief.",
        "developer": "Use metres.",
        "temperature": 0.5,
        "max_output_tokens": 600,
    },
    "thinking-by-level": {"model": "gemini-3.6-flash", "text": _FOUR, "thinking": True, "effort": "minimal"},
    "thinking-by-budget": {"model": _LITE, "text": _FOUR, "thinking": True, "effort": "low"},
    "json-schema": {"text": "Judge.", "json_schema": SCHEMA},
    "json-schema-in-words": {
        "model": _LITE,
        "text": "Judge.",
        "json_schema": SCHEMA,
        "web_search_max_uses": 2,
    },
    "search": {"model": "gemini-3.1-pro-preview", "text": _FOUR, "web_search_max_uses": 2},
    "continuation": {"model": "gemini-4-argon", "text": "Talk [[simulate: tokens=200]]"},
    "held-back": {"text": "Hi [[simulate: refusal=1]]"},
    "error-midway": {"text": f"{_FOUR} five six [[simulate: error_after=1]]"},
    "busy": {"text": "Hi [[simulate: status=429 retry_after=12]]"},
    "day-spent": {"text": "Hi [[simulate: quota=1]]"},
    "unknown-model": {"text": "Hi [[simulate: status=404]]"},
}
GROK: dict[str, dict[str, Any]] = {
    "bare": {"text": "Why is the sky blue?"},
    "no-reasoning": {"model": "grok-4.20-0309-non-reasoning", "temperature": 0.5},
    "effort": {"model": "grok-4.7", "effort": "xhigh", "max_output_tokens": 2_000},
    "instructions": {"system": "Be brief.", "developer": "Use metres.", "cache_ttl": "5m"},
    "json-mode": {"text": "Judge it.", "json_mode": True},
    "schema": {"text": "Judge it.", "json_mode": True, "json_schema": _JUDGED},
    "schema-in-words": {"model": _MULTI_AGENT, "text": "Judge.", "json_mode": True, "json_schema": _JUDGED},
    "web-search": {"text": "Reply with exactly: found", "web_search_max_uses": 3},
    "length": {"text": "Why? [[simulate: finish=length]]"},
    "refusal": {"text": "Why? [[simulate: refusal=1]]"},
    "stream-error": {"text": "Why? [[simulate: error_after=2]]"},
    "rate-limit": {"text": "Why? [[simulate: status=429 retry_after=3 times=1]]"},
    "spent": {"text": "Why? [[simulate: quota=1]]"},
    "wrong-key": {"key": "xai-invalid-key"},
}
COMPATIBLE: dict[str, dict[str, Any]] = {
    "bare": {"text": "Why is the sky blue?", "system": "Be brief.", "developer": "Use metres."},
    "usage-missing": {"text": f"[[compatible: usage=missing]] {_OK}"},
    "usage-with-content": {"text": f"[[compatible: usage=content]] {_OK}"},
    "think-tags": {"text": f"[[compatible: think=tags]] {_OK}"},
    "reasoning-object": {"text": f"[[compatible: think=object content=parts]] {_OK}"},
    "not-streamed": {"text": f"[[compatible: whole=1 finish=eos]] {_OK}"},
    "comments": {"text": f"[[compatible: comments=1 content=null]] {_OK}"},
    "schema-refused": {
        "text": "[[compatible: json=object error=string]] Judge.",
        "traits": ABLE,
        "json_mode": True,
        "json_schema": _JUDGED,
    },
    "field-refused": {"text": f"[[compatible: dislikes=stream_options error=located]] {_OK}"},
    "html": {"text": "[[compatible: refuse=502 error=html]] Hi"},
    "payment": {"text": "[[compatible: refuse=402 error=detail]] Hi"},
}


@dataclass(frozen=True)
class Tapes:
    """The cases of one vendor, asked at its own address. `prices` says whether the catalogue has its models."""

    vendor: Vendor
    origin: str
    cases: Mapping[str, dict[str, Any]]
    simulator: Callable[[], Simulator] = simulator
    prices: bool = True
    common: Mapping[str, Any] | None = None


TAPES = {
    "anthropic": Tapes(AnthropicMessages(), "https://api.anthropic.com", ANTHROPIC),
    "gemini": Tapes(
        GeminiContent(),
        "https://generativelanguage.googleapis.com",
        GEMINI,
        lambda: simulator(vendors=[GeminiVendor(part_tokens=192)]),
    ),
    "grok": Tapes(GrokChat(), "https://api.x.ai", GROK),
    "compatible": Tapes(
        CompatibleServer(), "https://lab.example:8000", COMPATIBLE, prices=False, common={"traits": PLAIN}
    ),
}
CASES = [f"{name}/{case}" for name, tapes in TAPES.items() for case in tapes.cases]


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
    tape = Tape(simulated_transport(TAPES[case.partition("/")[0]].simulator()))
    return {**await outcome(case, tape), "exchanges": tape.exchanges}


async def outcome(case: str, transport: httpx.AsyncBaseTransport) -> dict[str, Any]:
    """What the real provider makes of the case over that transport."""
    name, _, short = case.partition("/")
    tapes = TAPES[name]
    options = {**(tapes.common or {}), **tapes.cases[short]}
    key = options.pop("key", KEY)
    http = HttpClient(lambda: transport, sleep=no_wait, chance=lambda: 0.0, retries=1)
    provider = tapes.vendor.make(http, tapes.origin)
    request = tapes.vendor.ask(**options)
    events, failure = await collect(provider, provider.plan(request), key)
    usage = usage_of(events)
    done = events[-1] if events and isinstance(events[-1], Done) else None
    return {
        "text": text_of(events),
        "thinking": thinking_of(events),
        "finishReason": done.finish_reason if done else None,
        "servedModel": done.served_model if done else None,
        "citations": [citation.url for citation in done.citations] if done else [],
        "failure": {"kind": failure.kind, "message": failure.message} if failure else None,
        "usage": _wire(usage) if usage else None,
        "costUSD": _told(priced(name, request.model, usage)) if usage and tapes.prices else None,
    }


def recorded(case: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FOLDER / f"{case}.json").read_text(encoding="utf-8"))
    return told


def _wire(usage: Usage) -> dict[str, Any]:
    """What there is of it."""
    told = {name: value for name, value in asdict(usage).items() if name != "requests"}
    return {name: _told(value) for name, value in told.items() if value not in (None, 0, (), "")}


def _told(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return list(value) if isinstance(value, tuple) else value


def _kept(headers: httpx.Headers) -> dict[str, str]:
    return {name: headers[name] for name in KEPT_HEADERS if name in headers}


def _write() -> None:
    for case in CASES:
        text = json.dumps(asyncio.run(record(case)), ensure_ascii=False, indent=1)
        file = FOLDER / f"{case}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    _write()
