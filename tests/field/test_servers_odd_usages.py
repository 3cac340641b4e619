"""Usage and charges where servers and gateways in the field put them: read, or the cost is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import USAGE, Answer, Switch, claude_events, serving, stream, whole
from tests.field.lab import LAB_USD, ask, own_models, refused, sidecar, vendor_environment

CHARGED_USD = 0.005
TOLD = {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}
GOOGLES = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "totalTokenCount": 1100}
BESIDE = {
    "x_groq": {"id": "r1", "usage": USAGE},
    "timings": {"prompt_n": 764, "cache_n": 236, "predicted_n": 100, "prompt_ms": 1.5},
    "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 1000,
        "outputTokenCount": 100,
        "invocationLatency": 7,
    },
    "usageMetadata": GOOGLES,
    "usage_metadata": {"prompt_token_count": 1000, "candidates_token_count": 100},
    "meta": {"billed_units": {"input_tokens": 1000, "output_tokens": 100}, "tokens": {"input_tokens": 1003}},
    "response_metadata": {"token_usage": USAGE},
    "token_usage": USAGE,
    "data": {"usage": USAGE},
    "result": {"usage": USAGE},
}
USAGES: dict[str, Any] = {
    "camel case": TOLD,
    "as Google's": GOOGLES,
    "counts as texts": {"prompt_tokens": "1000", "completion_tokens": "100", "total_tokens": "1100"},
    "a list": [USAGE],
    "billed units": {"billed_units": {"input_tokens": 1000, "output_tokens": 100}},
    "cached beside the prompt": {"input_tokens": 200, "output_tokens": 100, "cache_read_input_tokens": 800},
    "cached in the prompt": {**USAGE, "prompt_cache_miss_tokens": 200},
    "details in the singular": {**USAGE, "prompt_token_details": {"cached_tokens": 400}},
    "no seconds of sound": {**USAGE, "prompt_audio_seconds": {}},
}
CHARGES: dict[str, Any] = {
    "a text": {"cost": "0.005"},
    "in dollars": {"cost": {"usd": 0.005}},
    "a total": {"cost": {"total": 0.005}},
    "its parts": {"cost": {"input_cost": 0.001, "output_cost": 0.004}},
    "under another name": {"total_cost": 0.005},
    "estimated": {"estimated_cost": 0.005},
    "ticks": {"cost_in_usd_ticks": 50_000_000},
    "as a gateway answers": {"response_cost": 0.005},
    "a fee of a key of one's own, said in words": {
        "cost": "0.001",
        "is_byok": "true",
        "cost_details": {"upstream_inference_cost": "0.004"},
    },
    "the upstream's in it": {"cost": 0.005, "cost_details": {"upstream_inference_cost": 0.004}},
    "the upstream's parts": {
        "cost": 0.001,
        "is_byok": True,
        "cost_details": {
            "upstream_inference_prompt_cost": 0.001,
            "upstream_inference_completions_cost": 0.003,
        },
    },
}
UNKNOWN: dict[str, Any] = {
    "only a total": {"total_tokens": 1100},
    "no prompt": {"prompt_tokens": None, "completion_tokens": 100},
    "no answer": {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000},
    "a hole in the total": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1400},
    "more cached than there was": {**USAGE, "prompt_tokens_details": {"cached_tokens": 3000}},
    "half a charge": {**USAGE, "cost": {"input_cost": 0.001}},
    "an upstream that somebody pays": {
        **USAGE,
        "cost": 0,
        "cost_details": {"upstream_inference_cost": 0.004},
    },
    "seconds of sound": {**USAGE, "prompt_audio_seconds": 4},
    "more text than there was": {**USAGE, "prompt_tokens_details": {"text_tokens": 3000}},
    "more guessed than was written": {
        **USAGE,
        "completion_tokens_details": {"rejected_prediction_tokens": 300},
    },
}


def completion(**more: Any) -> Answer:
    message = {"role": "assistant", "content": "Good morning"}
    return whole({"id": "c1", "choices": [{"message": message, "finish_reason": "stop"}], **more})


def with_last_piece(piece: dict[str, Any]) -> Answer:
    first = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "Good morning"}}]}
    return stream(first, piece, "[DONE]")


STREAMS = {
    "in the last delta": with_last_piece({"choices": [{"delta": {"usage": USAGE}, "finish_reason": "stop"}]}),
    "beside the last choice": with_last_piece(
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": USAGE}}
    ),
    "behind the mark of the end": stream(
        {"id": "c1", "choices": [{"delta": {"content": "Good morning"}, "finish_reason": "stop"}]},
        "[DONE]",
        {"choices": [], "usage": USAGE},
    ),
    "in an envelope of the last delta": with_last_piece(
        {"choices": [{"delta": {"provider_metadata": {"usage": USAGE}}, "finish_reason": "stop"}]}
    ),
    "taken back by a later 0": stream(
        {
            "id": "c1",
            "choices": [{"delta": {"content": "Good morning"}, "finish_reason": "stop"}],
            "usage": USAGE,
        },
        {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}},
    ),
}


def begun_with(tokens: int, *later: dict[str, Any]) -> Answer:
    told = {"prompt_tokens": 1000, "completion_tokens": tokens, "total_tokens": 1000 + tokens}
    first = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "Good "}}], "usage": told}
    rest = {"choices": [{"index": 0, "delta": {"content": "morning"}, "finish_reason": "stop"}]}
    return stream(first, rest, *later, "[DONE]")


TOO_EARLY = {
    "the count of the beginning": begun_with(1),
    "a count that text follows": begun_with(100),
    "a count of the beginning that the end repeats": stream(
        {"id": "c1", "choices": [{"delta": {"content": "Good morning " * 100}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 1, "total_tokens": 1001}},
        "[DONE]",
    ),
    "a total that contradicts later": begun_with(
        100,
        {"choices": [], "usage": USAGE},
        {"choices": [], "usage": {**USAGE, "total_tokens": 1700}},
    ),
}


async def test_a_count_of_the_beginning_is_not_that_of_the_answer(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        switch.say(begun_with(1, {"choices": [], "usage": USAGE}))
        assert (await ask(process))["costUSD"] == pytest.approx(LAB_USD)
        for name, answer in TOO_EARLY.items():
            switch.say(answer)
            found = await ask(process)
            assert found["answer"].startswith("Good morning"), name
            assert "costUSD" not in found, name
            # The prompt was told all the same.
            known = name != "a total that contradicts later"
            assert found["costAtLeastUSD"] >= (0.001 if known else 0), name
            assert found["costAtMostUSD"] > LAB_USD, name


async def test_a_claude_whose_gateway_drops_the_last_count_has_not_written_one_token(tmp_path: Path) -> None:
    events = list(claude_events("Good morning"))
    dropped = [event for event in events if event["type"] != "message_delta"]
    switch = Switch()
    async with (
        serving(switch) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        switch.say(stream(*events))
        assert (await ask(process, model="anthropic/claude-sonnet-5"))["costUSD"] == pytest.approx(0.003)
        switch.say(stream(*dropped))
        found = await ask(process, model="anthropic/claude-sonnet-5")
        assert found["answer"] == "Good morning"
        assert "costUSD" not in found
        assert found["costAtLeastUSD"] == pytest.approx(0.002, abs=0.0001)
        assert found["costAtMostUSD"] > 0.003


async def test_usage_is_found_wherever_a_server_puts_it_and_a_charge_comes_first(tmp_path: Path) -> None:
    cases: dict[str, tuple[Answer, float | None]] = {
        f"beside: {name}": (completion(**{name: told}), LAB_USD) for name, told in BESIDE.items()
    }
    cases |= {name: (completion(usage=told), LAB_USD) for name, told in USAGES.items()}
    cases |= {name: (answer, LAB_USD) for name, answer in STREAMS.items()}
    cases |= {
        f"charge: {name}": (completion(usage={**USAGE, **told}), CHARGED_USD)
        for name, told in CHARGES.items()
    }
    cases["charge beside"] = (completion(usage=USAGE, cost=CHARGED_USD), CHARGED_USD)
    gateway = {"gateway": {"cost": "0.005"}}
    cases["charge in an envelope"] = (completion(usage=USAGE, provider_metadata=gateway), CHARGED_USD)
    deeper = [{"message": {"content": "Good morning", "provider_metadata": gateway}, "finish_reason": "stop"}]
    cases["charge in an envelope of the message"] = (completion(usage=USAGE, choices=deeper), CHARGED_USD)
    hidden = {"response_cost": CHARGED_USD}
    cases["charge that a gateway hides"] = (completion(usage=USAGE, _hidden_params=hidden), CHARGED_USD)
    cases["a charge with its currency beside it"] = (
        completion(usage={**USAGE, "cost": 0.03, "currency": "CNY"}),
        LAB_USD,
    )
    cases["a charge in another currency"] = (
        completion(usage={**USAGE, "cost": {"total": 0.03, "currency": "CNY"}}),
        LAB_USD,
    )
    cases |= {f"unknown: {name}": (completion(usage=told), None) for name, told in UNKNOWN.items()}
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for name, (answer, costs) in cases.items():
            switch.say(answer)
            found = await ask(process)
            assert found["answer"] == "Good morning", name
            assert found.get("costUSD") == (None if costs is None else pytest.approx(costs)), name


async def test_a_failed_answer_that_tells_what_it_used_is_paid_for_and_asked_once(tmp_path: Path) -> None:
    error = {"message": "The server had an error.", "code": 500}
    text = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "Good "}}]}
    none = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for answer in (
            stream({"error": error, "usage": USAGE}),
            stream(text, {"error": error, "usage": USAGE}),
        ):
            switch.say(answer)
            problem = await refused(process)
            assert problem.data["costUSD"] == pytest.approx(LAB_USD)
            assert len(switch.asked) == 1
        switch.say(stream({"error": error, "usage": none}), completion(usage=USAGE))
        assert (await ask(process))["costUSD"] == pytest.approx(LAB_USD)
        assert len(switch.asked) == 2


async def test_a_failed_response_that_tells_what_it_used_is_paid_for_and_asked_once(tmp_path: Path) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}
    error = {"code": "server_error", "message": "The server had an error."}
    response = {"id": "r1", "object": "response", "model": "gpt-6-sol", "status": "failed", "error": error}
    begun = {"type": "response.created", "response": {**response, "status": "in_progress", "error": None}}
    failed = {"type": "response.failed", "response": {**response, "usage": usage}}
    async with (
        serving(stream(begun, failed)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "openai")) as process,
    ):
        options = {"enableWebSearch": True}
        problem = await refused(process, model="openai/gpt-6-sol", options=options)
        stats = await process.call("activity:stats", {})
    assert problem.data["costUSD"] == stats["totalCost"] == pytest.approx(0.007)
    assert len(server.asked) == 1
