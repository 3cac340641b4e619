"""What vendors and servers report of an answer, in all their ways to write it: the right cost, or none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.field.claims import field
from tests.field.hostile import Answer, Switch, serving, stream, whole
from tests.field.lab import ask, own_models, sidecar, vendor_environment
from tests.helpers.process import SidecarProcess

CHAT = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
PRICES = {"prompt": 1.0, "completion": 2.0, "cacheRead": 0.1, "cacheWrite5m": 1.25}
OWN = {"prices": [{"from": "2026-01-01", "perMillion": PRICES}]}
SEARCH = {"enableWebSearch": True}
# What a case is: what the vendor says, and what the answer then costs, None where that cannot be known.
Cases = Mapping[str, tuple[Answer, str | None]]


@asynccontextmanager
async def all_vendors(tmp_path: Path) -> AsyncIterator[tuple[Switch, SidecarProcess]]:
    """A sidecar for which one server stands in the place of every vendor, and of one of the person's own."""
    switch = Switch()
    async with (
        serving(switch) as server,
        sidecar(
            tmp_path,
            models=own_models(server.url, model=OWN),
            environment=vendor_environment(server.url, "openai", "anthropic", "gemini", "grok"),
        ) as process,
    ):
        yield switch, process


async def assert_costs(
    tmp_path: Path, model: str, cases: Cases, options: Mapping[str, Any] | None = None
) -> None:
    async with all_vendors(tmp_path) as (switch, process):
        found = {}
        for name, (answer, _) in cases.items():
            switch.say(answer)
            found[name] = (await ask(process, model=model, options=options or {})).get("costUSD")
    assert found == {name: None if usd is None else float(usd) for name, (_, usd) in cases.items()}


def chat(usage: Any, model: str, **more: Any) -> Answer:
    message = {"role": "assistant", "content": "hi"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return whole({"id": "c1", "model": model, "choices": [choice], "usage": usage, **more})


@field("money", "counts that contradict each other")
async def test_counts_of_openai_that_contradict_each_other_tell_no_cost(tmp_path: Path) -> None:
    def read(**parts: Any) -> Answer:
        return chat({**CHAT, "prompt_tokens_details": parts}, "gpt-6-sol")

    def said(**parts: Any) -> Answer:
        return chat({**CHAT, "completion_tokens_details": parts}, "gpt-6-sol")

    def told(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "gpt-6-sol")

    def kept(short: Any, long: Any) -> dict[str, Any]:
        return {"cache_write_tokens_details": {"ttl_30m_tokens": short, "ttl_12h_tokens": long}}

    cases: Cases = {
        "written, by how long it is kept": (read(cache_write_tokens=400, **kept(200, 200)), "0.0077"),
        "the same without its sum": (read(**kept(200, 200)), "0.0077"),
        "the shorter alone": (read(cache_write_tokens_details={"ttl_30m_tokens": 400}), "0.0072"),
        "parts that are not the sum": (read(cache_write_tokens=400, **kept(100, 100)), None),
        "a part below nothing": (read(cache_write_tokens=400, **kept(-100, 0)), None),
        "a part beyond the sum": (read(cache_write_tokens=400, **kept(800, 0)), None),
        "kept for a week": (
            read(cache_write_tokens=400, cache_write_tokens_details={"ttl_7d_tokens": 400}),
            None,
        ),
        "guesses beyond the answer": (
            said(rejected_prediction_tokens=300, accepted_prediction_tokens=300),
            None,
        ),
        "a picture that was drawn": (said(image_tokens=100), None),
        "text and pictures beyond the prompt": (read(text_tokens=600, image_tokens=600), None),
        "details as a text": (told(prompt_tokens_details='{"cached_tokens": 800}'), "0.00556"),
        "details that nobody can read": (told(prompt_tokens_details="800"), None),
        "details of the other API": (told(input_tokens_details={"cached_tokens": 800}), "0.00556"),
        "the other API agrees": (told(input_tokens=1000, output_tokens=500), "0.007"),
        "the other API was told nothing": (told(input_tokens=0, output_tokens=0), "0.007"),
        "the other API contradicts": (told(input_tokens=2000, output_tokens=700), None),
        "cached, in Anthropic's words": (told(cache_read_input_tokens=800), None),
        "a tier that is a number": (chat(CHAT, "gpt-6-sol", service_tier=3), None),
        "a tier in the usage": (told(service_tier="flex"), "0.0035"),
    }
    await assert_costs(tmp_path, "openai/gpt-6-sol", cases)


def response(usage: Mapping[str, Any], model: str, **more: Any) -> Answer:
    call = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
    text = {"type": "message", "content": [{"type": "output_text", "text": "hi", "annotations": []}]}
    told = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500, **usage}
    return whole(
        {
            "id": "r1",
            "object": "response",
            "status": "completed",
            "model": model,
            "output": [call, text],
            "usage": told,
            **more,
        }
    )


@field("money", "tools of the vendor")
async def test_a_tool_without_a_known_price_leaves_the_cost_of_an_answer_of_openai_open(
    tmp_path: Path,
) -> None:
    def used(**tools: Any) -> Answer:
        counts = {name: {"num_requests": count} for name, count in tools.items()}
        return response({}, "gpt-6-sol", tool_usage=counts)

    cases: Cases = {
        "a search": (used(web_search=1), "0.017"),
        "nothing else": (used(web_search=1, file_search=0), "0.017"),
        "files too": (used(web_search=1, file_search=2), None),
        "a count that is none": (used(web_search=1, file_search=-1), None),
    }
    await assert_costs(tmp_path, "openai/gpt-6-sol", cases, SEARCH)


@field("money", "tools of the vendor")
async def test_what_xai_says_of_its_tools_is_read_or_the_cost_is_not_known(tmp_path: Path) -> None:
    def used(tools: Any, **more: Any) -> Answer:
        return response({"server_side_tool_usage_details": tools, **more}, "grok-4.7")

    cases: Cases = {
        "two searches": (used({"web_search_calls": 2.0}), "0.015"),
        "untold": (used({"web_search_calls": None}), "0.01"),
        "others at rest": (used({"web_search_calls": 1, "code_interpreter_calls": 0}), "0.01"),
        "a program too": (used({"web_search_calls": 1, "code_interpreter_calls": 2}), None),
        "a text": (used({"web_search_calls": "2"}), None),
        "below nothing": (used({"web_search_calls": -2}), None),
        "half a search": (used({"web_search_calls": 1.5}), None),
        "a list": (used([1]), None),
        "charged all the same": (used({"web_search_calls": "2"}, cost_in_usd_ticks=123_000_000), "0.0123"),
        "charged beside the usage": (response({}, "grok-4.7", cost_in_usd_ticks=123_000_000), "0.0123"),
    }
    await assert_costs(tmp_path, "grok/grok-4.7", cases, SEARCH)


async def test_what_xai_says_in_other_words_is_read_or_the_cost_is_not_known(tmp_path: Path) -> None:
    thought = {"output_tokens_details": {"reasoning_tokens": 400}}
    other = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500, **thought}
    cases: Cases = {
        "the words of the other API": (chat(other, "grok-4.7"), "0.005"),
        "a charge beside the usage": (chat(CHAT, "grok-4.7", cost_in_usd_ticks=37_756_000), "0.0037756"),
        "tools that nobody asked for": (chat({**CHAT, "num_server_side_tools_used": 3}, "grok-4.7"), None),
    }
    await assert_costs(tmp_path, "grok/grok-4.7", cases)


def claude(begun: Mapping[str, Any], tools: Any = ..., blocks: Sequence[Mapping[str, Any]] = ()) -> Answer:
    usage = {"input_tokens": 1000, "output_tokens": 500, **begun}
    if tools is not ...:
        usage["server_tool_use"] = tools
    content = [*blocks, {"type": "text", "text": "hi"}]
    return whole(
        {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": content,
            "stop_reason": "end_turn",
            "usage": usage,
        }
    )


@field("money", "searches that the counts leave out")
async def test_a_search_of_anthropic_s_that_its_counts_leave_out_is_paid_for(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "type": "server_tool_use",
        "id": "s1",
        "name": "web_search",
        "input": {"query": "q"},
    }
    page = {"type": "web_search_result", "url": "http://x.example", "title": "x", "encrypted_content": "e"}
    result = {"type": "web_search_tool_result", "tool_use_id": "s1"}
    found = [asked, {**result, "content": [page]}]
    failed: list[dict[str, Any]] = [
        asked,
        {**result, "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"}},
    ]
    cases: Cases = {
        "told": (claude({}, {"web_search_requests": 1}, found), "0.017"),
        "left out": (claude({}, blocks=found), "0.017"),
        "null": (claude({}, None, found), "0.017"),
        "more than is seen": (claude({}, {"web_search_requests": 2}, found), "0.027"),
        "less than is seen": (claude({}, {"web_search_requests": 0}, found), None),
        "a list": (claude({}, [1], found), None),
        "it failed": (claude({}, {"web_search_requests": 0}, failed), "0.007"),
        "it failed, and no word of it": (claude({}, blocks=failed), "0.007"),
        "pages were fetched": (claude({}, {"web_search_requests": 0, "web_fetch_requests": 2}), "0.007"),
        "a program ran": (claude({}, {"web_search_requests": 0, "code_execution_requests": 2}), None),
        "kept for a day": (
            claude(
                {
                    "cache_creation_input_tokens": 3000,
                    "cache_creation": {"ephemeral_24h_input_tokens": 3000},
                }
            ),
            None,
        ),
        "a place that is a number": (claude({"inference_geo": 7}), None),
        "a speed that is a list": (claude({"speed": ["fast"]}), None),
        "a tier that is a list": (claude({"service_tier": ["priority"]}), None),
    }
    await assert_costs(tmp_path, "anthropic/claude-sonnet-5-5", cases, SEARCH)


def gemini(usage: Any, grounding: Any = ..., *later: Mapping[str, Any]) -> Answer:
    told = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": "hi"}]}}
    if grounding is not ...:
        candidate["groundingMetadata"] = grounding
    head = {"modelVersion": "gemini-3.8-flash", "responseId": "r1"}
    first = {**head, "candidates": [candidate], "usageMetadata": {**told, **usage}}
    if not later:
        candidate["finishReason"] = "STOP"
    return stream(first, *({**head, **each} for each in later))


@field("money", "counts that contradict each other")
async def test_counts_of_gemini_that_contradict_each_other_tell_no_cost(tmp_path: Path) -> None:
    pages = {"groundingChunks": [{"web": {"uri": "http://x.example", "title": "x"}}]}

    def of(name: str, kind: Any, count: Any) -> Answer:
        return gemini({name: [{"modality": kind, "tokenCount": count}]})

    more = {"candidates": [{"content": {"parts": [{"text": " there"}]}, "finishReason": "STOP"}]}
    end = {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]}
    cases: Cases = {
        "all of it text": (of("promptTokensDetails", "TEXT", 1000), "0.002625"),
        "more text than there was": (of("promptTokensDetails", "TEXT", 5000), None),
        "sound below nothing": (of("promptTokensDetails", "AUDIO", -5), None),
        "sound, counted in a text": (of("promptTokensDetails", "AUDIO", "5"), None),
        "a kind that is a number": (of("promptTokensDetails", 7, 5), None),
        "a tier that is a number": (gemini({"serviceTier": 2}), None),
        "what it asked": (gemini({}, {**pages, "webSearchQueries": ["a", "b"]}), "0.030625"),
        "pages, and not what it asked": (gemini({}, pages), None),
        "pages, and null for what it asked": (gemini({}, {**pages, "webSearchQueries": None}), None),
        "what it asked as a text": (gemini({}, {"webSearchQueries": "a"}), None),
        "no grounding": (gemini({}, None), "0.002625"),
        "words after the last count": (gemini({}, ..., more), None),
        "no words after the last count": (gemini({}, ..., end), "0.002625"),
    }
    await assert_costs(tmp_path, "gemini/gemini-3.8-flash", cases, SEARCH)


@field("money", "counts that contradict each other")
async def test_counts_of_other_servers_that_contradict_each_other_tell_no_cost(tmp_path: Path) -> None:
    def told(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "m")

    def claudes(**members: Any) -> Answer:
        return chat({"input_tokens": 200, "output_tokens": 500, **members}, "m")

    def googles(**members: Any) -> Answer:
        return chat({"promptTokenCount": 1000, "candidatesTokenCount": 500, **members}, "m")

    def kept(short: int, long: int) -> dict[str, Any]:
        lifetimes = {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}
        return {"cache_read_input_tokens": 600, "cache_creation": lifetimes}

    thought = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "reasoning_tokens": 500}
    cases: Cases = {
        "more thinking than was written": (chat(thought, "m"), None),
        "beside a prompt below nothing": (claudes(input_tokens=-200, cache_read_input_tokens=800), None),
        "beside a prompt of null": (claudes(input_tokens=None, cache_read_input_tokens=800), None),
        "beside a prompt in words": (claudes(input_tokens="few", cache_read_input_tokens=800), None),
        "kept for minutes": (claudes(**kept(200, 0)), "0.00151"),
        "kept for an hour, which has no price": (claudes(**kept(0, 200)), None),
        "kept, and its sum is another": (claudes(**kept(300, 0), cache_creation_input_tokens=200), None),
        "cached, told twice": (
            told(cache_read_input_tokens=600, prompt_tokens_details={"cached_tokens": 600}),
            "0.00146",
        ),
        "cached, told twice and otherwise": (
            told(cache_read_input_tokens=600, prompt_tokens_details={"cached_tokens": 300}),
            None,
        ),
        "not cached, more than there was": (told(prompt_cache_miss_tokens=4000), None),
        "not cached, below nothing": (told(prompt_cache_miss_tokens=-4), None),
        "both APIs agree": (
            told(input_tokens=400, output_tokens=500, cache_read_input_tokens=600),
            "0.00146",
        ),
        "both APIs contradict": (told(output_tokens=900), None),
        "Google's thoughts": (googles(thoughtsTokenCount=300), "0.0026"),
        "Google's tools": (googles(toolUsePromptTokenCount=300, totalTokenCount=1800), "0.0023"),
        "Google's sound": (googles(promptTokensDetails=[{"modality": "AUDIO", "tokenCount": 600}]), None),
        "details as a text": (told(prompt_tokens_details='{"cached_tokens": 600}'), "0.00146"),
        "counts as texts with a point": (
            chat({"prompt_tokens": "1000.0", "completion_tokens": "500"}, "m"),
            "0.002",
        ),
    }
    await assert_costs(tmp_path, "lab/m", cases)


@field("money", "a charge with a comma")
async def test_a_charge_is_read_as_a_server_writes_it_or_the_cost_is_not_known(tmp_path: Path) -> None:
    def charged(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "m")

    cases: Cases = {
        "with a comma": (charged(cost="0,0123"), None),
        "with a comma of thousands, or none": (charged(cost="1,234"), None),
        "with its currency": (charged(cost="0.0123 USD"), "0.0123"),
        "as an empty object": (charged(cost={}), "0.002"),
        "as an object of nothing": (charged(cost={"total_cost": None}), "0.002"),
        "ticks below nothing": (charged(cost_in_usd_ticks=-1), None),
        "half a tick": (charged(cost_in_usd_ticks=1.5), None),
        "ticks": (charged(cost_in_usd_ticks="3.7756e7"), "0.0037756"),
    }
    await assert_costs(tmp_path, "lab/m", cases)


@field("money", "a charge that is told twice")
async def test_of_charges_and_counts_that_come_as_texts_the_larger_holds(tmp_path: Path) -> None:
    def twice(first: Mapping[str, Any], second: Mapping[str, Any]) -> Answer:
        text = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
        reports = ({"choices": [], "usage": {**CHAT, **each}} for each in (first, second))
        return stream(text, *reports, "[DONE]")

    texts = {"prompt_tokens": "1000", "completion_tokens": "500", "total_tokens": "1500"}
    nothing = dict.fromkeys(texts, "0")
    cases: Cases = {
        "the same": (twice({"cost": "0.0123"}, {"cost": "0.0123"}), "0.0123"),
        "taken back": (twice({"cost": "0.0123"}, {"cost": "0"}), "0.0123"),
        "taken back by a number": (twice({"cost": "0.0123"}, {"cost": 0}), "0.0123"),
        "grown": (twice({"cost": "9e-3"}, {"cost": "0.0123"}), "0.0123"),
        "below nothing first": (twice({"cost": "-1"}, {"cost": "0.0123"}), None),
        "counts taken back": (twice(texts, nothing), "0.002"),
    }
    await assert_costs(tmp_path, "lab/m", cases)
