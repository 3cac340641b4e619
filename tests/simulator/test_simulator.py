from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import jsonschema
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Citation, TextDelta, ThinkingDelta
from sidecar.simulator.counting import count_tokens
from sidecar.simulator.exchange import SimRequest
from tests.helpers.answers import done_of, text_of
from tests.helpers.conversing import CHAT, RESPONSES, answer, chat, collect, question
from tests.helpers.openai_models import ask
from tests.helpers.simulated import in_process, post, read, simulator


async def test_the_same_question_has_the_same_answer_and_another_model_another() -> None:
    first, again = await answer(simulator()), await answer(simulator())
    other = await answer(simulator(), model="gpt-5")
    assert first == again
    assert first != other


@pytest.mark.parametrize(("model", "title"), [("gpt-4o", "GPT-4o"), ("gpt-6.1-sol", "GPT-6.1 Sol")])
async def test_every_answer_says_that_it_is_simulated_and_by_whom(model: str, title: str) -> None:
    text = await answer(simulator(), model=model)
    assert text.startswith(f"[simulated {title}] ")
    assert "Why is the sky blue?" in text


@pytest.mark.parametrize("words", ["ping", "two words ", "ü🙂", "line\nline", '{"a": 1}'])
async def test_it_replies_with_exactly_what_it_is_told(words: str) -> None:
    assert await answer(simulator(), f"Please Reply with exactly: {words}") == words.strip()


async def test_json_mode_answers_with_an_object() -> None:
    body = question("Give me JSON", response_format={"type": "json_object"})
    text = json.loads(await read(await post(simulator(), CHAT, body)))["choices"][0]["message"]["content"]
    assert json.loads(text)["simulated"] is True


async def test_a_schema_is_satisfied_through_the_real_provider() -> None:
    schema = {
        "type": "object",
        "properties": {
            "trend": {"enum": ["up", "down"]},
            "score": {"type": "integer", "minimum": 10, "maximum": 20},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        },
        "required": ["trend", "score", "tags"],
    }
    events = await collect(in_process(simulator()), "Judge it", "gpt-5", json_mode=True, json_schema=schema)
    jsonschema.validate(json.loads(text_of(events)), schema)


async def test_what_streams_is_what_comes_whole_and_the_counts_agree() -> None:
    sim = simulator()
    events = await collect(in_process(sim), "Why is the sky blue?", "gpt-5", effort="low")
    whole = await chat(sim, "Why is the sky blue?", "gpt-5", reasoning_effort="low")
    usage = done_of(events).usage
    assert usage is not None
    assert text_of(events) == whole["choices"][0]["message"]["content"]
    assert sum(isinstance(event, TextDelta) for event in events) > 5
    assert usage.out_visible == count_tokens(text_of(events))
    assert usage.out_total == whole["usage"]["completion_tokens"]
    assert usage.prompt_total == whole["usage"]["prompt_tokens"]
    assert usage.out_reasoning == whole["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    first, second = sim.ledger.entries
    assert first.usage == usage
    assert (first.charged_usd, first.state) == (second.charged_usd, "finished")
    assert first.charged_usd is not None
    assert first.charged_usd > 0


@pytest.mark.parametrize(("effort", "reasons"), [("none", False), ("low", True)])
async def test_a_model_reasons_unless_it_is_told_not_to(effort: str, reasons: bool) -> None:
    usage = (await chat(simulator(), model="gpt-5.1", reasoning_effort=effort))["usage"]
    assert (usage["completion_tokens_details"]["reasoning_tokens"] > 0) is reasons


async def test_a_model_that_does_not_reason_reports_no_reasoning() -> None:
    usage = (await chat(simulator()))["usage"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 0


async def test_a_long_beginning_that_was_seen_before_comes_from_the_cache() -> None:
    sim, long = simulator(), "word " * 2_000
    first = (await chat(sim, long + "one?"))["usage"]["prompt_tokens_details"]
    second = (await chat(sim, long + "two?"))["usage"]["prompt_tokens_details"]
    other = (await chat(sim, long + "two?", model="gpt-4.1"))["usage"]["prompt_tokens_details"]
    assert first["cached_tokens"] == 0
    assert second["cached_tokens"] == 2_432
    assert other["cached_tokens"] == 0


async def test_only_models_that_bill_cache_writes_report_them() -> None:
    long = "word " * 2_000
    new = (await chat(simulator(), long, model="gpt-6.1-sol"))["usage"]["prompt_tokens_details"]
    old = (await chat(simulator(), long, model="gpt-4o"))["usage"]["prompt_tokens_details"]
    assert new["cache_write_tokens"] == 2_432
    assert old["cache_write_tokens"] == 0


async def test_a_short_prompt_is_never_cached() -> None:
    sim = simulator()
    await chat(sim)
    assert (await chat(sim))["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


async def test_the_output_limit_cuts_the_answer() -> None:
    whole = await chat(simulator(), max_completion_tokens=5)
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"]["completion_tokens"] == 5


async def test_reasoning_can_use_up_the_whole_limit() -> None:
    whole = await chat(simulator(), model="gpt-5", max_completion_tokens=5)
    assert whole["choices"][0]["message"]["content"] == ""
    assert whole["choices"][0]["finish_reason"] == "length"
    assert whole["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5


async def test_web_search_is_counted_and_cited() -> None:
    sim = simulator()
    events = await collect(in_process(sim), "What is new?", "gpt-5", web_search_max_uses=2)
    usage = done_of(events).usage
    assert usage is not None
    assert usage.searches == 1
    assert any(isinstance(event, Citation) for event in events)
    assert sim.ledger.entries[0].endpoint == RESPONSES


async def test_thinking_is_shown_when_it_is_asked_for() -> None:
    body = {
        "model": "gpt-5",
        "input": "Why?",
        "stream": True,
        "reasoning": {"effort": "low", "summary": "auto"},
    }
    stream = (await read(await post(simulator(), RESPONSES, body))).decode()
    assert "response.reasoning_summary_text.delta" in stream
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[-1]["type"] == "response.completed"


async def test_thinking_reaches_the_reader_through_the_real_provider() -> None:
    made = in_process(simulator())
    plan = made.plan(ask("thinker", "Why?", thinking=True, effort="high"))
    plan = type(plan)(plan.path, plan.headers, {**plan.body, "model": "gpt-5"})
    async with asyncio.timeout(60), aclosing(made.stream(plan, "sk-simulated")) as stream:
        events = [event async for event in stream]
    assert "[simulated" in "".join(event.text for event in events if isinstance(event, ThinkingDelta))


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, None),
        ({"authorization": "Bearer "}, 401, None),
        ({"authorization": "Bearer sk-invalid-1"}, 401, "invalid_api_key"),
    ],
)
async def test_a_key_is_needed_and_some_are_refused(
    headers: dict[str, str], status: int, code: str | None
) -> None:
    response = await simulator().handle(SimRequest("GET", "/v1/models", headers))
    assert response.status == status
    assert json.loads(await read(response))["error"]["code"] == code


async def test_the_vendors_echo_of_a_key_is_hidden_by_the_provider() -> None:
    made = in_process(simulator())
    with pytest.raises(Failure) as raised:
        await anext(made.stream(made.plan(ask("gpt-4o")), "sk-invalid-secret"))
    assert raised.value.kind == "invalid_api_key"
    assert "secret" not in raised.value.message + (raised.value.detail or "")
    reason = await made.validate_key("sk-invalid-secret")
    assert reason is not None
    assert "secret" not in reason
    assert await made.validate_key("sk-anything") is None


async def test_models_are_listed_without_the_retired_ones() -> None:
    request = SimRequest("GET", "/v1/models", {"authorization": "Bearer k"})
    ids = {row["id"] for row in json.loads(await read(await simulator().handle(request)))["data"]}
    assert "gpt-4o" in ids
    assert "o3-mini" not in ids
    assert not any(id_.startswith(("claude", "gemini", "grok")) for id_ in ids)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"[]", 400, None),
        ({"model": "gpt-4o"}, 400, "messages"),
        (question(model="gpt-9"), 404, "model"),
        (question(model="o3-mini"), 404, "model"),
        (question(model="gpt-5", max_tokens=5), 400, "max_tokens"),
        (question(model="gpt-5", temperature=0.5), 400, "temperature"),
        (question(temperature=3), 400, "temperature"),
        (question(reasoning_effort="low"), 400, "reasoning_effort"),
        (question(model="gpt-5", reasoning_effort="max"), 400, "reasoning_effort"),
        (question(response_format={"type": "json_object"}), 400, "messages"),
        (question("word " * 200_000), 400, "messages"),
        (
            question(
                response_format={
                    "type": "json_schema",
                    "json_schema": {
                        "name": "a",
                        "strict": True,
                        "schema": {"type": "object", "properties": {}},
                    },
                }
            ),
            400,
            "response_format",
        ),
        ({"model": "gpt-4o", "messages": [{"role": "wizard", "content": "x"}]}, 400, "messages"),
    ],
)
async def test_what_the_vendor_refuses_is_refused(body: Any, status: int, param: str | None) -> None:
    sim = simulator()
    response = await post(sim, CHAT, body)
    error = json.loads(await read(response))["error"]
    assert (response.status, error["param"]) == (status, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert all(entry.state == "refused" and entry.charged_usd == 0 for entry in sim.ledger.entries)


async def test_an_unknown_path_is_not_found() -> None:
    sim = simulator()
    assert (await post(sim, "/v1/images", {})).status == 404
    assert (await post(sim, "/nobody/v1/chat/completions", question())).status == 404
    assert sim.ledger.entries == []
