"""What answers cost by the usage that servers report, to the digit; and where that cannot be known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.money import pricing
from sidecar.money.model import PriceEntry
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.anthropic.stream import MessageReader
from sidecar.providers.base import Done, Usage
from sidecar.providers.compatible.errors import compatible
from sidecar.providers.compatible.usage import compatible_usage
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.gemini.stream import GeminiReader
from sidecar.providers.grok import usage as grok_usage
from sidecar.providers.grok.errors import GROK
from sidecar.providers.kernel.events import Reader
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.openai_family.responses_stream import ResponsesReader
from sidecar.providers.openai_family.stream import ChatReader
from tests.field.claims import FOLDER
from tests.field.hostile import chat_chunks, serving, stream, whole
from tests.field.lab import LAB_USD, ask, own_models, refused, sidecar, vendor_environment
from tests.helpers.models import catalogue

DAY = date(2026, 11, 26)
RATES = {"prompt": "1", "completion": "2", "cacheRead": "0.10", "cacheWrite5m": "1.25"}
OWN = PriceEntry(DAY, "own", DAY, {name: Decimal(rate) for name, rate in RATES.items()}, own=True)
BODIES = json.loads((FOLDER / "usages.json").read_text(encoding="utf-8"))
STREAMED = [
    pytest.param(body, id=f"{number} {body['why'][:40]}")
    for number, body in enumerate(BODIES)
    if body.get("status", 200) == 200
]
(REFUSED,) = (body for body in BODIES if body.get("status") == 403)


def reader_of(body: dict[str, Any]) -> Reader:
    vendor, model, form = body["vendor"], body["model"], body["form"]
    if vendor == "OpenAI":
        asked = Asked(OPENAI, "openai", model, "")
        return ChatReader(asked) if form.startswith("chat") else ResponsesReader(asked)
    if vendor == "Anthropic":
        hour = (body.get("asked") or {}).get("cacheTTL") == "1h" or "an hour" in body["why"]
        return MessageReader(Asked(ANTHROPIC, "anthropic", model, ""), hour=hour)
    if vendor == "Gemini":
        return GeminiReader(Asked(GEMINI, "gemini", model, ""))
    if vendor == "xAI":
        return ChatReader(Asked(GROK, "grok", model, ""), read_usage=grok_usage.chat_usage)
    return ChatReader(Asked(compatible("Lab"), "lab", model, ""), read_usage=compatible_usage)


def events(body: dict[str, Any]) -> Iterator[SseEvent]:
    for each in body["body"]:
        name, value = each if isinstance(each, list) else (None, each)
        yield SseEvent(json.dumps(value), name)


def turn_usage(body: dict[str, Any]) -> Usage | None:
    """The usage of a turn that the vendor pauses, over all its requests."""
    asked = Asked(ANTHROPIC, "anthropic", body["model"], "")
    reader = MessageReader(asked)
    for number, answered in enumerate(body["bodies"]):
        if number:
            assert reader.paused
            reader.resume()
        for event in events({"body": answered}):
            list(reader.read(event))
    assert not reader.paused
    return reader.usage


def usage_of(body: dict[str, Any]) -> Usage | None:
    if "bodies" in body:
        return turn_usage(body)
    reader = reader_of(body)
    for event in events(body):
        list(reader.read(event))
    (done,) = (event for event in reader.finish() if isinstance(event, Done))
    return done.usage


def price_of(body: dict[str, Any]) -> PriceEntry | None:
    if body["vendor"].startswith("own server"):
        return None if "no price" in body["vendor"] else OWN
    provider = {"xAI": "grok"}.get(body["vendor"], body["vendor"].lower())
    model = catalogue().reported(provider, body["model"])
    assert model is not None
    return catalogue().price_entry(model, DAY)


@pytest.mark.parametrize("body", STREAMED)
def test_each_usage_costs_what_is_right_or_nothing_is_known(body: dict[str, Any]) -> None:
    usage = usage_of(body)
    cost = pricing.Unpriced("no usage") if usage is None else pricing.cost(usage, price_of(body))
    found = None if isinstance(cost, pricing.Unpriced) else cost.total_usd
    assert found == (None if body["right"] is None else Decimal(body["right"]))


@pytest.mark.parametrize("search", [True, False])
async def test_a_question_that_xai_blocks_costs_its_fee_where_that_is_charged(
    search: bool, tmp_path: Path
) -> None:
    blocked = whole(REFUSED["body"], 403)
    async with (
        serving(blocked) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "grok")) as process,
    ):
        model = f"grok/{REFUSED['model']}"
        error = await refused(process, model=model, options={"enableWebSearch": search})
        stats = await process.call("activity:stats", {})
    assert "usage guidelines" in error.message
    assert error.data.get("costUSD") == (float(REFUSED["right"]) if search else None)
    assert len(server.asked) == 1
    assert server.asked[0].path.endswith("/responses") is search
    assert stats["totalCost"] == (float(REFUSED["right"]) if search else 0)


async def test_an_answer_that_is_said_to_have_no_tokens_has_no_known_cost(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
    async with (
        serving(stream(*chat_chunks("Good morning", usage=usage), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        answer = await ask(process)
    assert answer["answer"] == "Good morning"
    assert "costUSD" not in answer
    assert answer["costAtMostUSD"] > LAB_USD
