"""Request and reply bodies of Grok and of compatible servers, as the simulator speaks them.

`python -m tests.helpers.compatible_recording` writes one file for each case: what was sent and answered, and what
it was read as, counted and cost.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from sidecar.providers.base import ChatRequest, Provider, Usage, UsageSoFar
from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.transport import simulated_transport
from tests.helpers import compatible, grok
from tests.helpers.anthropic_recording import Tape
from tests.helpers.simulated import no_wait, simulator

FOLDER = Path(__file__).parent.parent / "providers" / "recorded"

_SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1}, "why": {"type": ["string", "null"]}},
    "required": ["score"],
}
_MULTI_AGENT = "grok-4.20-multi-agent-0309"
GROK: dict[str, dict[str, Any]] = {
    "bare": {"text": "Why is the sky blue?"},
    "no-reasoning": {"model": "grok-4.20-0309-non-reasoning", "text": "Why?", "temperature": 0.5},
    "effort": {"model": "grok-4.7", "text": "Why?", "effort": "xhigh", "max_output_tokens": 2_000},
    "instructions": {"text": "Why?", "system": "Be brief.", "developer": "Use metres.", "cache_ttl": "5m"},
    "json-mode": {"text": "Judge it.", "json_mode": True},
    "schema": {"text": "Judge it.", "json_mode": True, "json_schema": _SCHEMA},
    "schema-in-words": {"model": _MULTI_AGENT, "text": "Judge.", "json_mode": True, "json_schema": _SCHEMA},
    "web-search": {"text": "Reply with exactly: found", "web_search_max_uses": 3},
    "length": {"text": "Why? [[simulate: finish=length]]"},
    "refusal": {"text": "Why? [[simulate: refusal=1]]"},
    "stream-error": {"text": "Why? [[simulate: error_after=2]]"},
    "rate-limit": {"text": "Why? [[simulate: status=429 retry_after=3 times=1]]"},
    "spent": {"text": "Why? [[simulate: quota=1]]"},
    "wrong-key": {"text": "Why?"},
}
COMPATIBLE: dict[str, dict[str, Any]] = {
    "bare": {"text": "Why is the sky blue?", "system": "Be brief.", "developer": "Use metres."},
    "usage-missing": {"text": "[[compatible: usage=missing]] Reply with exactly: ok"},
    "usage-with-content": {"text": "[[compatible: usage=content]] Reply with exactly: ok"},
    "think-tags": {"text": "[[compatible: think=tags]] Reply with exactly: ok"},
    "reasoning-object": {"text": "[[compatible: think=object content=parts]] Reply with exactly: ok"},
    "not-streamed": {"text": "[[compatible: whole=1 finish=eos]] Reply with exactly: ok"},
    "comments": {"text": "[[compatible: comments=1 content=null]] Reply with exactly: ok"},
    "schema-refused": {
        "text": "[[compatible: json=object error=string]] Judge.",
        "traits": compatible.ABLE,
        "json_mode": True,
        "json_schema": _SCHEMA,
    },
    "field-refused": {
        "text": "[[compatible: dislikes=stream_options error=located]] Reply with exactly: ok",
    },
    "html": {"text": "[[compatible: refuse=502 error=html]] Hi"},
    "payment": {"text": "[[compatible: refuse=402 error=detail]] Hi"},
}
CASES = {f"grok/{case}": (grok.ask, options) for case, options in GROK.items()} | {
    f"compatible/{case}": (compatible.ask, options) for case, options in COMPATIBLE.items()
}


async def record(case: str) -> dict[str, Any]:
    """The case, run against a fresh simulator."""
    tape = Tape(simulated_transport(simulator()))
    return {**await outcome(case, tape), "exchanges": tape.exchanges}


async def outcome(case: str, transport: httpx.AsyncBaseTransport) -> dict[str, Any]:
    """What the real provider makes of the case over that transport."""
    ask, options = CASES[case]
    request: ChatRequest = ask(**options)
    edge = HttpClient(lambda: transport, sleep=no_wait, chance=lambda: 0.0, retries=1)
    made: Provider = (
        Grok(edge, "https://api.x.ai/v1")
        if case.startswith("grok/")
        else Compatible(edge, compatible.URL, name="lab", title="Lab")
    )
    key = "xai-invalid-key" if case == "grok/wrong-key" else grok.KEY
    events, failure = await grok.collect(made, request, key)
    usage = next((event.usage for event in reversed(events) if isinstance(event, UsageSoFar)), None)
    ended = failure is None
    return {
        "text": grok.text_of(events),
        "thinking": grok.thinking_of(events),
        "finishReason": grok.done_of(events).finish_reason if ended else None,
        "servedModel": grok.done_of(events).served_model if ended else None,
        "citations": [page.url for page in grok.done_of(events).citations] if ended else [],
        "failure": {"kind": failure.kind, "message": failure.message} if failure else None,
        "usage": _wire(usage) if usage else None,
    }


def _wire(usage: Usage) -> dict[str, Any]:
    counts = ("in_uncached", "cache_read", "out_visible", "out_reasoning", "searches", "prompt_total")
    charged = None if usage.charged_usd is None else format(usage.charged_usd, "f")
    return {**{name: getattr(usage, name) for name in counts}, "charged_usd": charged}


def _write() -> None:
    for case in CASES:
        text = json.dumps(asyncio.run(record(case)), ensure_ascii=False, indent=1)
        file = FOLDER / f"{case}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    _write()
