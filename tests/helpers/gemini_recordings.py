"""What goes to Gemini and what comes back, case by case. `python -m tests.helpers.gemini_recordings` writes it anew."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from sidecar.simulator.gemini.routes import GeminiVendor
from tests.helpers.gemini import SCHEMA, plan, post
from tests.helpers.simulated import read, simulator

FOLDER = Path(__file__).parent.parent / "providers" / "recorded" / "gemini"
FOUR = "Reply with exactly: four"

CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bare": ("gemini-3.8-flash", FOUR, {}),
    "instructions": (
        "gemini-2.5-flash-lite",
        FOUR,
        {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 600},
    ),
    "thinking-by-level": ("gemini-3.6-flash", FOUR, {"thinking": True, "effort": "minimal"}),
    "thinking-by-budget": ("gemini-2.5-flash-lite", FOUR, {"thinking": True, "effort": "low"}),
    "json-schema": ("gemini-3.8-flash", "Judge.", {"json_schema": SCHEMA}),
    "json-schema-in-words": (
        "gemini-2.5-flash-lite",
        "Judge.",
        {"json_schema": SCHEMA, "web_search_max_uses": 2},
    ),
    "search": ("gemini-3.1-pro-preview", FOUR, {"web_search_max_uses": 2}),
    "continuation": ("gemini-4-argon", "Talk [[simulate: tokens=200]]", {}),
    "held-back": ("gemini-3.8-flash", "Hi [[simulate: refusal=1]]", {}),
    "error-midway": ("gemini-3.8-flash", f"{FOUR} five six [[simulate: error_after=1]]", {}),
    "busy": ("gemini-3.8-flash", "Hi [[simulate: status=429 retry_after=12]]", {}),
    "day-spent": ("gemini-3.8-flash", "Hi [[simulate: quota=1]]", {}),
    "unknown-model": ("gemini-3.8-flash", "Hi [[simulate: status=404]]", {}),
}


async def exchange(case: str) -> dict[str, Any]:
    """The request without its key, the status, and the body: the chunks of a stream, or a document."""
    model, text, options = CASES[case]
    made = plan(model, text, **options)
    sim = simulator(vendors=[GeminiVendor(part_tokens=192)])
    response = await post(sim, made.path.removesuffix("?alt=sse"), made.body)
    body = (await read(response)).decode("utf-8")
    streams = response.headers["content-type"].startswith("text/event-stream")
    answer = [json.loads(event.removeprefix("data: ")) for event in body.split("\r\n\r\n") if event]
    return {
        "request": {"method": "POST", "path": f"/v1beta{made.path}", "body": made.body},
        "reply": {"status": response.status, "body": answer if streams else json.loads(body)},
    }


def path_of(case: str) -> Path:
    return FOLDER / f"{case}.json"


async def _record() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        text = json.dumps(await exchange(case), indent=1, ensure_ascii=False) + "\n"
        path_of(case).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    asyncio.run(_record())
