"""An answer ends behind each of its events, in each way that one can end: what it cost lies between what is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Switch, chat_chunk, head, raw, serving, stream
from tests.field.hostile import event as written
from tests.field.lab import own_models, sidecar, vendor_environment
from tests.helpers.process import RpcError, SidecarProcess

SAID = ("The sky is blue, ", "for light of short waves ", "is scattered most by the air.")
READ, WRITTEN = 12, 100
OPTIONS = {"maxOutputTokens": 200, "enableExtendedThinking": False}
CHAT = {"prompt_tokens": READ, "completion_tokens": WRITTEN, "total_tokens": READ + WRITTEN}
ERRORS: Mapping[str, dict[str, Any]] = {
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    "gemini": {"error": {"code": 503, "status": "UNAVAILABLE", "message": "Overloaded"}},
    "search": {"type": "error", "code": "server_error", "message": "Overloaded"},
}
ANY_ERROR = {"error": {"message": "Overloaded", "type": "server_error", "code": "server_error"}}


def chat(model: str, usage: Mapping[str, Any], *, each: bool = False) -> Iterator[dict[str, Any]]:
    yield chat_chunk({"role": "assistant", "content": ""}) | {"model": model}
    for number, text in enumerate(SAID, start=1):
        so_far = {**CHAT, "completion_tokens": 5 * number, "total_tokens": READ + 5 * number}
        yield chat_chunk({"content": text}) | {"model": model} | ({"usage": so_far} if each else {})
    yield chat_chunk({}, "stop") | {"model": model}
    yield {"id": "c1", "model": model, "choices": [], "usage": usage}


def claude() -> Iterator[dict[str, Any]]:
    usage = {"input_tokens": READ, "output_tokens": 1, "service_tier": "standard"}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": []}
    yield {"type": "message_start", "message": {**message, "usage": usage}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for text in SAID:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn"}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": WRITTEN}}
    yield {"type": "message_stop"}


def gemini() -> Iterator[dict[str, Any]]:
    for number, text in enumerate(SAID, start=1):
        out = WRITTEN if number == len(SAID) else 5 * number
        counts = {"promptTokenCount": READ, "candidatesTokenCount": out, "totalTokenCount": READ + out}
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": text}]}}
        if number == len(SAID):
            candidate["finishReason"] = "STOP"
        chunk = {"modelVersion": "gemini-3.8-flash", "responseId": "r1", "candidates": [candidate]}
        yield {**chunk, "usageMetadata": counts}


def response() -> Iterator[dict[str, Any]]:
    """One of the Responses API, which has searched once."""
    begun = {"id": "r1", "object": "response", "model": "gpt-6-sol", "status": "in_progress", "usage": None}
    search = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "sky"}}
    text = {"type": "message", "content": [{"type": "output_text", "text": "".join(SAID), "annotations": []}]}
    usage = {"input_tokens": READ, "output_tokens": WRITTEN, "total_tokens": READ + WRITTEN}
    whole = {**begun, "status": "completed", "output": [search, text], "usage": usage}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.output_item.done", "item": search}
    for delta in SAID:
        yield {"type": "response.output_text.delta", "delta": delta}
    yield {"type": "response.completed", "response": whole}


TICKS = {**CHAT, "cost_in_usd_ticks": 2_200_000}
VENDORS: Mapping[str, tuple[str, Sequence[dict[str, Any]]]] = {
    "openai": ("openai/gpt-6-sol", list(chat("gpt-6-sol", CHAT))),
    "search": ("openai/gpt-6-sol", list(response())),
    "anthropic": ("anthropic/claude-sonnet-5", list(claude())),
    "gemini": ("gemini/gemini-3.8-flash", list(gemini())),
    "grok": ("grok/grok-4.7", list(chat("grok-4.7", TICKS, each=True))),
    "lab": ("lab/m", list(chat("m", CHAT))),
}


async def ended(
    process: SidecarProcess, model: str, talk: str, *, search: bool, stop: bool
) -> dict[str, Any]:
    """The answer, or what its error tells; it is stopped once it is under way where that is said."""
    options = {**OPTIONS, **({"enableWebSearch": True} if search else {})}
    params = {"content": "Why is the sky blue?", "modelId": model, "conversationId": talk, "options": options}
    call = process.start_call("chat:send", params)
    if stop:
        await process.call("chat:abort", {"conversationId": talk})
    try:
        told: dict[str, Any] = await process.result(call)
    except RpcError as error:
        told = dict(error.data)
    return {name: told[name] for name in ("costUSD", "costAtLeastUSD", "costAtMostUSD") if name in told}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_whatever_ends_an_answer_wherever_its_cost_lies_between_what_is_told(
    vendor: str, tmp_path: Path
) -> None:
    model, events = VENDORS[vendor]
    switch, search = Switch(), vendor == "search"
    error = ERRORS.get(vendor, ANY_ERROR)
    async with (
        serving(switch) as server,
        sidecar(
            tmp_path,
            models=own_models(server.url),
            environment=vendor_environment(server.url, "openai", "anthropic", "gemini", "grok"),
        ) as process,
    ):
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 100})
        switch.say(stream(*events, "[DONE]"))
        usd = (await ended(process, model, "whole", search=search, stop=False))["costUSD"]
        told, known = [], usd
        for number in range(len(events) + 1):
            begun = [head(200, None, "text/event-stream"), *map(written, events[:number])]
            ways: Mapping[str, Answer] = {
                "cut": raw(*begun),
                "stopped": raw(*begun, keep_open=True),
                # One that is refused before it has begun is asked once more, and answered.
                "broken": raw(*begun, written(error)),
            }
            for way, answer in ways.items():
                switch.say(answer, stream(*events, "[DONE]"))
                talk = f"{way} {number}"
                found = await ended(process, model, talk, search=search, stop=way == "stopped")
                told.append((talk, found))
                known += found.get("costUSD", 0)
                budget = (await process.call("activity:stats", {}))["budget"]
                assert budget["heldBackUSD"] == 0, talk
                left = budget["spentUSD"] + budget["uncertainUSD"] + budget["leftUSD"]
                assert left == pytest.approx(budget["limitUSD"]), talk
        stats = await process.call("activity:stats", {})
    for talk, found in told:
        # What never left cost nothing, and says so by saying nothing.
        if found:
            assert found.get("costAtLeastUSD", usd) <= usd <= found.get("costAtMostUSD", usd), (talk, found)
            assert ("costUSD" in found) != ("costAtLeastUSD" in found), talk
    assert stats["totalCost"] == pytest.approx(known)
    # The more has come of an answer that was cut, the more it cost at least.
    least = [found.get("costAtLeastUSD", usd) for talk, found in told if "cut" in talk]
    assert least == sorted(least)
    assert least[-2] > 0
