"""Google's side of the simulator on its own wire, and through the real provider."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema
import pytest

from sidecar.money import pricing
from sidecar.providers.base import Citation, Done, ThinkingDelta, UsageSoFar
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.core import Simulator
from sidecar.simulator.counting import count_prompt, count_tokens
from sidecar.simulator.exchange import SimRequest
from sidecar.simulator.gemini.routes import GeminiVendor
from tests.helpers.answers import collect, text_of
from tests.helpers.gemini import KEY, ask, in_process, post
from tests.helpers.models import catalogue
from tests.helpers.simulated import read, simulator

MODEL = "gemini-3.8-flash"
TODAY = date(2026, 11, 23)
TALK = {"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]}


async def generate(
    sim: Simulator, body: Any, model: str = MODEL, method: str = "generateContent"
) -> tuple[int, Any]:
    response = await post(sim, f"/models/{model}:{method}", body)
    return response.status, json.loads(await read(response))


def said(text: str, **members: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **members}


async def test_what_streams_is_what_comes_whole_and_the_bill_agrees() -> None:
    sim = simulator()
    made = in_process(sim)
    events, failure = await collect(made, made.plan(ask(MODEL, effort="low")))
    config = {"thinkingConfig": {"thinkingLevel": "low"}}
    _, whole = await generate(sim, {**TALK, "generationConfig": config})
    done = events[-1]
    assert failure is None
    assert isinstance(done, Done)
    assert done.usage is not None
    assert text_of(events) == whole["candidates"][0]["content"]["parts"][0]["text"]
    assert (
        done.usage.out_visible
        == count_tokens(text_of(events))
        == whole["usageMetadata"]["candidatesTokenCount"]
    )
    assert done.usage.out_reasoning == whole["usageMetadata"]["thoughtsTokenCount"] > 0
    first, second = sim.ledger.entries
    cost = pricing.cost(
        done.usage, catalogue().price_entry(catalogue().resolve(f"gemini/{MODEL}").model, TODAY)
    )
    assert isinstance(cost, pricing.Cost)
    assert first.charged_usd == second.charged_usd == cost.total_usd > 0


async def test_a_search_is_cited_billed_and_counted_beside_the_prompt() -> None:
    sim = simulator()
    made = in_process(sim)
    events, _ = await collect(made, made.plan(ask(MODEL, "Look it up, please.", web_search_max_uses=1)))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.citations == (Citation("https://example.com/simulated", "A simulated page"),)
    assert done.usage is not None
    assert done.usage.searches == 1
    assert done.usage.in_uncached == done.usage.prompt_total + 8
    price = catalogue().price_entry(catalogue().resolve(f"gemini/{MODEL}").model, TODAY)
    cost = pricing.cost(done.usage, price)
    assert isinstance(cost, pricing.Cost)
    assert sim.ledger.entries[0].charged_usd == cost.total_usd


async def test_a_long_beginning_that_was_seen_before_comes_from_the_cache() -> None:
    sim, long = simulator(), "word " * 2_000
    _, first = await generate(sim, said(long + "one?"))
    _, second = await generate(sim, said(long + "two?"))
    assert "cachedContentTokenCount" not in first["usageMetadata"]
    assert second["usageMetadata"]["cachedContentTokenCount"] == 2_432


async def test_thoughts_are_told_when_they_are_asked_for() -> None:
    made = in_process(simulator())
    shown, _ = await collect(made, made.plan(ask(MODEL, thinking=True)))
    hidden, _ = await collect(made, made.plan(ask(MODEL)))
    assert any(isinstance(event, ThinkingDelta) for event in shown)
    assert not any(isinstance(event, ThinkingDelta) for event in hidden)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (MODEL, {}),
        (MODEL, {"web_search_max_uses": 1}),
        ("gemini-2.5-flash", {"web_search_max_uses": 1}),
        ("gemini-4-argon", {"system": "Be brief.", "thinking": True}),
    ],
)
@pytest.mark.parametrize("json_with_tools", [True, False])
async def test_a_schema_is_followed_in_form_and_in_words(
    model: str, options: dict[str, Any], json_with_tools: bool
) -> None:
    schema = {
        "type": "object",
        "properties": {"trend": {"enum": ["up", "down"]}, "score": {"type": "integer", "minimum": 10}},
        "required": ["trend", "score"],
    }
    sim = simulator(vendors=[GeminiVendor(json_with_tools=json_with_tools)])
    made = in_process(sim)
    events, failure = await collect(made, made.plan(ask(model, json_schema=schema, **options)))
    assert failure is None
    jsonschema.validate(json.loads(text_of(events)), schema)
    refused = [entry.status for entry in sim.ledger.entries if entry.state == "refused"]
    in_form = "web_search_max_uses" in options and model == MODEL
    assert refused == ([400] if in_form and not json_with_tools else [])


@pytest.mark.parametrize("options", [{}, {"web_search_max_uses": 1}])
@pytest.mark.parametrize("model", [MODEL, "gemini-2.5-flash"])
async def test_json_mode_answers_with_an_object(model: str, options: dict[str, Any]) -> None:
    made = in_process(simulator())
    events, _ = await collect(made, made.plan(ask(model, json_mode=True, **options)))
    assert json.loads(text_of(events))["simulated"] is True


async def test_a_long_answer_comes_in_parts_each_on_the_bill() -> None:
    sim = simulator(vendors=[GeminiVendor(part_tokens=256)])
    made = in_process(sim)
    events, failure = await collect(made, made.plan(ask("gemini-4-argon", "Talk [[simulate: tokens=600]]")))
    done = events[-1]
    assert failure is None
    assert isinstance(done, Done)
    assert done.usage is not None
    assert (done.finish_reason, count_tokens(text_of(events)), done.usage.out_visible) == ("stop", 600, 600)
    billed = [entry.usage for entry in sim.ledger.entries if entry.usage]
    assert len(billed) == 3
    assert sum(usage.out_total for usage in billed) == done.usage.out_total
    assert sum(usage.prompt_total for usage in billed) == done.usage.prompt_total
    price = catalogue().price_entry(catalogue().resolve("gemini/gemini-4-argon").model, TODAY)
    cost = pricing.cost(done.usage, price)
    assert isinstance(cost, pricing.Cost)
    assert sum(entry.charged_usd or 0 for entry in sim.ledger.entries) == cost.total_usd


async def test_the_limit_is_for_all_parts_together() -> None:
    sim = simulator(vendors=[GeminiVendor(part_tokens=256)])
    made = in_process(sim)
    plan = made.plan(ask("gemini-4-argon", "Talk [[simulate: tokens=600]]", max_output_tokens=400))
    events, _ = await collect(made, plan)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.usage is not None
    assert (done.finish_reason, done.usage.out_total, len(sim.ledger.entries)) == ("length", 400, 2)


async def test_a_whole_answer_stops_for_its_continuation_too() -> None:
    sim = simulator(vendors=[GeminiVendor(part_tokens=512)])
    body = said("Talk [[simulate: tokens=600]]")
    _, whole = await generate(sim, body, "gemini-4-argon")
    candidate = whole["candidates"][0]
    assert candidate["finishReason"] == "CONTINUATION"
    status, _ = await generate(
        sim, {**body, "continuationToken": candidate["continuationToken"]}, "gemini-4-argon"
    )
    wrong, _ = await generate(sim, {**body, "continuationToken": "odd"}, "gemini-4-argon")
    assert (status, wrong) == (200, 400)


@pytest.mark.parametrize(
    ("orders", "kind", "unknown"),
    [
        ("status=500", "provider_unavailable", False),
        ("status=429 retry_after=90", "rate_limited", False),
        ("quota=1", "rate_limited", False),
        ("error_after=0", "provider_unavailable", True),
        ("error_after=2", "provider_unavailable", True),
        ("cut=2", "provider_unavailable", True),
        ("malformed=1", "provider_unavailable", True),
        ("refusal=1", "content_filtered", False),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
async def test_what_is_ordered_goes_wrong_as_it_does_at_the_vendor(
    orders: str, kind: str, unknown: bool, bare: bool
) -> None:
    made = in_process(simulator(vendors=[GeminiVendor(bare_errors=bare)]))
    plan = made.plan(ask(MODEL, f"Hi [[simulate: {orders}]]", thinking=True))
    events, failure = await collect(made, plan)
    assert failure is not None
    assert failure.kind == kind
    assert isinstance(failure, OutcomeUnknown) is unknown
    if unknown:
        assert any(isinstance(event, UsageSoFar) for event in events)


async def test_a_spent_day_is_asked_once_and_a_busy_minute_again() -> None:
    for orders, requests in (("quota=1", 1), ("status=429 retry_after=1 times=2", 3)):
        sim = simulator()
        made = in_process(sim)
        await collect(made, made.plan(ask(MODEL, f"Hi [[simulate: {orders}]]")))
        assert len(sim.ledger.entries) == requests


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (MODEL, {}),
        (MODEL, {"contents": []}),
        (MODEL, {"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}),
        (MODEL, {"contents": [{"role": "model", "parts": [{"text": "a"}]}]}),
        (MODEL, {"contents": [{"role": "user", "parts": [{"text": ""}]}]}),
        (MODEL, {**TALK, "messages": []}),
        (MODEL, {**TALK, "generationConfig": {"max_tokens": 3}}),
        (MODEL, {**TALK, "generationConfig": {"maxOutputTokens": 0}}),
        (MODEL, {**TALK, "generationConfig": {"temperature": 1}}),
        ("gemini-2.5-pro", {**TALK, "generationConfig": {"temperature": 2.1}}),
        ("gemini-2.5-pro", {**TALK, "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}),
        ("gemini-2.5-pro", {**TALK, "generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}}),
        (MODEL, {**TALK, "generationConfig": {"thinkingConfig": {"thinkingLevel": "minimal"}}}),
        (MODEL, {**TALK, "generationConfig": {"thinkingConfig": {"thinkingLevel": "low", "thinkingBudget": 1}}}),
        (MODEL, {**TALK, "generationConfig": {"responseJsonSchema": {"type": "object"}}}),
        (MODEL, {**TALK, "generationConfig": {"responseMimeType": "text/html"}}),
        (
            "gemini-2.5-flash",
            {**TALK, "tools": [{"googleSearch": {}}], "generationConfig": {"responseMimeType": "application/json"}},
        ),
        (
            MODEL,
            {
                **TALK,
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseJsonSchema": {"type": "object", "required": ["a"]},
                },
            },
        ),
        (MODEL, said("word " * 900_000)),
    ],
)  # fmt: skip
async def test_what_the_vendor_refuses_is_refused(model: str, body: dict[str, Any]) -> None:
    status, answer = await generate(simulator(), body, model)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_an_unknown_or_retired_model_is_not_found() -> None:
    for model in ("gemini-99", "gemini-2.0-flash"):
        status, answer = await generate(simulator(), TALK, model)
        assert (status, answer["error"]["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"x-goog-api-key": "sk-invalid-1"}, 400), ({}, 403), ({"authorization": f"Bearer {KEY}"}, 403)],
)
async def test_a_key_is_taken_from_its_header_only(headers: dict[str, str], status: int) -> None:
    sim = simulator()
    response = await sim.handle(SimRequest("GET", "/gemini/v1beta/models", headers))
    assert response.status == status
    error = json.loads(await read(response))["error"]
    assert (error["code"], ("API_KEY_INVALID" in json.dumps(error))) == (status, status == 400)


async def test_a_wrong_key_is_known_by_the_provider() -> None:
    made = in_process(simulator())
    assert await made.validate_key("any-key") is None
    assert "refused the API key" in (await made.validate_key("sk-invalid-1") or "")
    _, failure = await collect(made, made.plan(ask(MODEL)), "sk-invalid-1")
    assert failure is not None
    assert (failure.kind, failure.status) == ("invalid_api_key", 400)


async def test_counting_is_free_in_both_of_its_forms() -> None:
    sim = simulator()
    whole = {
        "generateContentRequest": {
            "model": f"models/{MODEL}",
            "systemInstruction": {"parts": [{"text": "x"}]},
            **TALK,
        }
    }
    _, short = await generate(sim, TALK, method="countTokens")
    _, long = await generate(sim, whole, method="countTokens")
    assert short["totalTokens"] == count_prompt([("user", "Why?")])
    assert long["totalTokens"] == count_prompt([("system", "x"), ("user", "Why?")])
    assert sim.ledger.entries == []


async def test_what_cannot_be_counted_is_refused() -> None:
    bodies: list[Any] = [{}, [], {"contents": "Why?"}]
    for body in bodies:
        status, answer = await generate(simulator(), body, method="countTokens")
        assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
