"""What stands beside the counts of a usage (searches, requests, kinds, a second charge): read, or not known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import USAGE, Answer, Switch, chat_chunk, serving, stream, whole
from tests.field.lab import ask, own_models, sidecar
from tests.field.test_usage_contradictions import CHAT, Cases, all_vendors, assert_costs, chat, claude, gemini

REQUEST = {"type": "message", "input_tokens": 1000, "output_tokens": 500}
SUMMARY = {"type": "compaction", "input_tokens": 50_000, "output_tokens": 1000}


@field("money", "searches and tools of a server's own")
async def test_searches_of_a_server_that_nobody_asked_for_are_paid_for_or_not_known(tmp_path: Path) -> None:
    def openai(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "gpt-6-sol")

    cases: Cases = {
        "as Anthropic's": (openai(server_tool_use={"web_search_requests": 2}), "0.027"),
        "none": (openai(server_tool_use={"web_search_requests": 0, "web_fetch_requests": 3}), "0.007"),
        "below nothing": (openai(server_tool_use={"web_search_requests": -2}), None),
        "a program too": (openai(server_tool_use={"code_execution_requests": 2}), None),
        "queries": (openai(num_search_queries=3), "0.037"),
        "as LiteLLM": (openai(prompt_tokens_details={"web_search_requests": 2}), "0.027"),
        "a list": (openai(server_tool_use=[1]), None),
        "units of a ranking": (openai(search_units=2), None),
    }
    await assert_costs(tmp_path / "openai", "openai/gpt-6-sol", cases)

    def own(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "m")

    cases = {
        "whose searches have no price": (own(server_tool_use={"web_search_requests": 2}), None),
        "that searched for each answer": (own(search_context_size="low"), None),
        "that read sources": (own(num_sources_used=3), None),
        "that cited": (own(citation_tokens=300), None),
        "counted among the prompt's parts": (
            own(prompt_tokens_details={"cached_tokens": 0, "web_search_requests": 2}),
            None,
        ),
        "that charged for it": (own(num_search_queries=3, cost={"total_cost": 0.017}), "0.017"),
        "that did not search": (own(num_search_queries=0, num_sources_used=0), "0.002"),
    }
    await assert_costs(tmp_path / "own", "lab/m", cases)


@field("money", "requests that an answer was made of")
async def test_counts_that_are_not_those_of_the_requests_tell_no_cost(tmp_path: Path) -> None:
    half = {"prompt_tokens": 500, "completion_tokens": 250}

    def own(*requests: Any) -> Answer:
        return chat({**CHAT, "iterations": list(requests)}, "m")

    cases: Cases = {
        "one": (own(REQUEST), "0.002"),
        "two halves": (own(half, half), "0.002"),
        "a summary before it": (own(SUMMARY, REQUEST), None),
        "more than the sum": (own(REQUEST, half), None),
        "none that can be read": (own(7), None),
        "a list of one usage": (chat([CHAT], "m"), "0.002"),
        "a list of two": (chat([CHAT, CHAT], "m"), None),
    }
    await assert_costs(tmp_path / "own", "lab/m", cases)

    def message(requests: Any) -> Answer:
        return claude({"iterations": requests})

    cases = {
        "one": (message([REQUEST]), "0.007"),
        "one, and it is another": (message([{**REQUEST, "input_tokens": 700}]), None),
        "a text": (message("two"), None),
    }
    await assert_costs(tmp_path / "claude", "anthropic/claude-sonnet-5-5", cases)


@field("money", "tokens of a kind that nobody has a price for")
async def test_tokens_of_a_new_kind_tell_no_cost_and_no_most(tmp_path: Path) -> None:
    read = {"prompt_tokens_details": {"tool_tokens": 50}}
    cases: Mapping[str, tuple[str, Answer]] = {
        "OpenAI, in a part": ("openai/gpt-6-sol", chat({**CHAT, **read}, "gpt-6-sol")),
        "OpenAI, beside": ("openai/gpt-6-sol", chat({**CHAT, "tool_use_tokens": 50}, "gpt-6-sol")),
        "xAI": ("grok/grok-4.7", chat({**CHAT, **read}, "grok-4.7")),
        "Anthropic, beside": ("anthropic/claude-sonnet-5-5", claude({"input_image_tokens": 30})),
        "Anthropic, in a part": (
            "anthropic/claude-sonnet-5-5",
            claude({"output_tokens_details": {"audio_tokens": 30}}),
        ),
        "Gemini": ("gemini/gemini-3.8-flash", gemini({"audioTokenCount": 30})),
        "a server's sound": ("lab/m", chat({**CHAT, "prompt_audio_tokens": 30}, "m")),
        "a tool": ("anthropic/claude-sonnet-5-5", claude({}, {"code_execution_requests": 1})),
        "a search without a price": ("lab/m", chat({**CHAT, "num_search_queries": 2}, "m")),
    }
    async with all_vendors(tmp_path) as (switch, process):
        told = {}
        for name, (model, answer) in cases.items():
            switch.say(answer)
            reply = await ask(process, model=model)
            told[name] = {key for key in reply if key.startswith("cost")}
        # None of them is in the sum, and each is counted as one that has no most.
        stats = await process.call("activity:stats", {})
    assert told == {name: {"costAtLeastUSD"} for name in cases}
    assert stats["uncertainCalls"] == len(cases)


@field("money", "parts of a count that cannot be read")
async def test_a_part_that_cannot_be_read_tells_no_cost_and_a_word_in_capitals_its_price(
    tmp_path: Path,
) -> None:
    cases: Cases = {
        "lifetimes as a list": (claude({"cache_creation_input_tokens": 1000, "cache_creation": [1]}), None),
        "thinking as a list": (claude({"output_tokens_details": [3]}), None),
        "a tier with blanks": (claude({"service_tier": " Standard "}), "0.007"),
        "a place with blanks": (claude({"inference_geo": " US "}), "0.0077"),
    }
    await assert_costs(tmp_path / "claude", "anthropic/claude-sonnet-5-5", cases)
    cases = {
        "kinds as an object": (gemini({"promptTokensDetails": {"modality": "AUDIO", "tokenCount": 9}}), None),
        "a tier and a traffic that agree": (
            gemini({"serviceTier": "PRIORITY", "trafficType": "ON_DEMAND_PRIORITY"}),
            "0.004725",
        ),
        "a tier and a traffic that do not": (
            gemini({"serviceTier": "STANDARD", "trafficType": "ON_DEMAND_PRIORITY"}),
            None,
        ),
    }
    await assert_costs(tmp_path / "gemini", "gemini/gemini-3.8-flash", cases)
    await assert_costs(
        tmp_path / "openai",
        "openai/gpt-6-sol",
        {"a tier with blanks": (chat(CHAT, "gpt-6-sol", service_tier=" Priority "), "0.014")},
    )


@field("money", "two charges of one answer")
async def test_two_charges_of_one_answer_that_differ_tell_no_cost(tmp_path: Path) -> None:
    def charged(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "m")

    cases: Cases = {
        "the same": (charged(cost=0.0037756, cost_in_usd_ticks=37_756_000), "0.0037756"),
        "one of them rounded": (charged(cost=0.0037756, total_cost=0.003776), "0.0037756"),
        "dollars and ticks": (charged(cost=0.5, cost_in_usd_ticks=37_756_000), None),
        "two names": (charged(cost=0.1, total_cost=0.3), None),
        "nothing, and something": (charged(cost=0, total_cost=0.3), None),
        "an estimate beside it": (charged(cost=0.1, estimated_cost=0.3), "0.1"),
    }
    await assert_costs(tmp_path, "lab/m", cases)


@field("money", "why a cost is not known")
async def test_why_a_cost_is_not_known_is_said_with_what_is_certain_of_it(tmp_path: Path) -> None:
    def own(**members: Any) -> Answer:
        return chat({**CHAT, **members}, "m")

    sonnet = "anthropic/claude-sonnet-5-5"
    # The model, its answer, what is said, the least where it is more than of the one word, and whether there is a most.
    cases: Mapping[str, tuple[str, Answer, str, float, bool]] = {
        "a tool": (sonnet, claude({}, {"code_execution_requests": 1}), "it used a tool", 0.007, False),
        "searches": ("lab/m", own(num_search_queries=3), "no price for searches", 0.002, False),
        "two charges": ("lab/m", own(cost=1, total_cost=2), "the charge contradicts itself", 0, False),
        "no charge": ("lab/m", own(cost="1,234"), "the charge is impossible", 0, False),
        "half of it": ("lab/m", own(cost=0.1, is_byok=True), "the upstream's charge was not told", 0, False),
        "a total": ("lab/m", own(total_tokens=1700), "the total contradicts its parts", 0, True),
        "a tool, and a total": (
            "lab/m",
            own(total_tokens=1700, num_sources_used=3),
            "the total contradicts its parts; it used a tool",
            0,
            False,
        ),
    }
    async with all_vendors(tmp_path) as (switch, process):
        await process.call("settings:save", {"key": "monthlyBudgetUSD", "value": 100})
        for name, (model, answer, why, least, bounded) in cases.items():
            switch.say(answer)
            reply = await ask(process, model=model)
            assert f"The cost of this answer is not known: {why}" in reply["notes"][0], name
            assert reply["costAtLeastUSD"] == (least or pytest.approx(0, abs=0.00002)), name
            assert ("costAtMostUSD" in reply) == bounded, name
        budget = (await process.call("activity:stats", {}))["budget"]
    # Nobody knows at most, and what was held back is counted all the same.
    assert budget["uncertainUSD"] > 0.01
    assert budget["spentUSD"] + budget["uncertainUSD"] + budget["leftUSD"] == pytest.approx(100)


@field("money", "llama.cpp's `timings` beside a usage")
@pytest.mark.parametrize("is_whole", [False, True])
async def test_what_llama_cpp_had_in_its_cache_is_told_beside_the_usage_and_costs_its_own_price(
    is_whole: bool, tmp_path: Path
) -> None:
    kept = {"cached_tokens": 300}
    cases: Cases = {
        "parts of the prompt": (timed(is_whole, {"prompt_n": 764, "cache_n": 236}), "0.0009876"),
        "parts of another one": (timed(is_whole, {"prompt_n": 764, "cache_n": 100}), "0.0012"),
        "nothing kept": (timed(is_whole, {"prompt_n": 1000, "cache_n": 0}), "0.0012"),
        "the prompt of another time": (timed(is_whole, {"prompt_n": 1}), "0.0012"),
        "the usage says it itself": (timed(is_whole, {"prompt_n": 700, "cache_n": 300}, kept), "0.00093"),
        "both, and otherwise": (timed(is_whole, {"prompt_n": 764, "cache_n": 236}, kept), "0.00093"),
        "no numbers": (timed(is_whole, {"prompt_n": "many", "cache_n": [236]}), "0.0012"),
    }
    prices = [{"from": "2026-01-01", "perMillion": {"prompt": 1.0, "cacheRead": 0.1, "completion": 2.0}}]
    switch, found = Switch(), {}
    async with serving(switch) as server:
        models = own_models(server.url, model={"prices": prices})
        async with sidecar(tmp_path, models=models) as process:
            for name, (answer, _) in cases.items():
                switch.say(answer)
                found[name] = (await ask(process)).get("costUSD")
    assert found == {name: pytest.approx(float(usd or 0)) for name, (_, usd) in cases.items()}


def timed(is_whole: bool, timings: Mapping[str, Any], details: Mapping[str, int] | None = None) -> Answer:
    """An answer of llama.cpp's, with its own counts beside the usage."""
    told = {"usage": {**USAGE, **({"prompt_tokens_details": details} if details else {})}, "timings": timings}
    if is_whole:
        message = {"role": "assistant", "content": "Good"}
        return whole({"id": "c", "choices": [{"message": message, "finish_reason": "stop"}], **told})
    pieces = (chat_chunk({"content": "Good"}), {**chat_chunk({}, "stop"), "timings": timings})
    return stream(*pieces, {"id": "c1", "choices": [], **told}, "[DONE]")
