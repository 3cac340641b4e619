"""What a call cost, and the sums that look back, beside the real process."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, claude_events, serving, stream, whole
from tests.field.lab import KEY, MODEL, ask, batch_rows, own_models, sidecar, vendor_environment
from tests.field.proxy import proxying
from tests.packaging.tls import certificate

HAIKU = "anthropic/claude-haiku-5-5"
SONNET = "anthropic/claude-sonnet-5"
REGIONAL = "eu.api.openai.com"


@field("money", "a model without price → not")
async def test_what_has_no_price_has_no_cost_of_nothing(tmp_path: Path) -> None:
    async with (
        serving(stream(*chat_chunks("Hello"), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url, model={"prices": []})) as process,
    ):
        answer = await ask(process)
        stats = await process.call("activity:stats", {})
    assert "costUSD" not in answer
    [spent] = stats["byModel"]
    assert (spent["model"], spent["calls"], spent["tokensIn"]) == (MODEL, 1, 1000)
    assert "cost" not in spent
    assert spent["uncertainCalls"] == 1


async def test_a_row_that_was_refused_is_explained_as_one_that_cost_nothing(tmp_path: Path) -> None:
    async with (
        serving(whole({"error": {"message": "No."}}, 400)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        [row] = await batch_rows(process, {"prompt": "Why?", "model": MODEL})
        [home] = await process.call("project:list", {})
        [job] = await process.call("activity:get", {"projectId": home["id"]})
        [call] = await process.call("cost:explain", {"jobId": job["id"]})
    assert (row["status"], call["state"], call["costUSD"], call["lines"]) == ("error-api", "failed", 0, [])
    assert "costAtMostUSD" not in call


async def test_an_answer_outside_of_conversations_is_explained_by_the_id_that_came_with_it(
    tmp_path: Path,
) -> None:
    async with (
        serving(stream(*chat_chunks("Hello"), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        answer = await ask(process)
        [call] = await process.call("cost:explain", {"messageId": answer["id"]})
    assert answer["costUSD"] == call["costUSD"] == pytest.approx(sum(line["usd"] for line in call["lines"]))


@field("money", "Anthropic, a paused turn of 60,000 and 70,000 tokens")
async def test_the_tokens_of_a_paused_turn_are_those_of_all_its_requests(tmp_path: Path) -> None:
    async with (
        serving(
            stream(*claude_turn(60_000, "pause_turn")), stream(*claude_turn(70_000, "end_turn"))
        ) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        answer = await ask(process, model=HAIKU)
        stats = await process.call("activity:stats", {})
        found = await process.call("cost:reprice", {"modelId": HAIKU})
    assert len(server.asked) == 2
    assert answer["promptTokens"] == answer["usage"]["prompt_tokens"] == 130_000
    assert [each["tokensIn"] for each in stats["byModel"]] == [130_000]
    # No request was longer than 100,000 tokens, from where this model costs more.
    assert answer["costUSD"] == pytest.approx(0.0131)
    assert found["repricedUSD"] == found["actualUSD"] == answer["costUSD"]


def claude_turn(tokens_in: int, stop: str) -> Iterator[dict[str, Any]]:
    """A message of that many tokens in, which ends for that reason."""
    for event in claude_events("Hello"):
        if event["type"] == "message_start":
            event["message"]["model"] = "claude-haiku-5-5"
            event["message"]["usage"]["input_tokens"] = tokens_in
        elif event["type"] == "message_delta":
            event["delta"]["stop_reason"] = stop
        yield event


@field("money", "Anthropic answered in the US only (1.1 times)")
async def test_an_answer_at_its_own_model_s_price_costs_what_it_cost(tmp_path: Path) -> None:
    first, *rest = claude_events("Hello")
    first["message"]["usage"]["inference_geo"] = "us"
    async with (
        serving(stream(first, *rest)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        answer = await ask(process, model=SONNET)
        found = await process.call("cost:reprice", {"modelId": SONNET})
    # 1,000 tokens in at 2 dollars a million, 100 out at 10, and a tenth more.
    assert answer["costUSD"] == pytest.approx(0.0033)
    assert found["repricedUSD"] == found["actualUSD"] == answer["costUSD"]


@pytest.mark.parametrize("named", [None, 0.0045])
async def test_a_call_costs_at_its_own_model_what_it_cost_whoever_said_so(
    named: float | None, tmp_path: Path
) -> None:
    usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100, "cost": named}
    async with serving(stream(*chat_chunks("Hello", usage=usage), "[DONE]")) as server:
        models = own_models(server.url)
        async with sidecar(tmp_path, models=models) as process:
            cost = (await ask(process))["costUSD"]
        # A price that is written down otherwise later does not change what a call cost.
        models["models"][0]["prices"][0]["perMillion"]["prompt"] = 7.0
        async with sidecar(tmp_path, models=models) as process:
            found = await process.call("cost:reprice", {"modelId": MODEL})
    assert cost == pytest.approx(named or 0.0012)
    assert found["repricedUSD"] == found["actualUSD"] == cost


@field("money", "own prices of nine digits")
async def test_what_is_told_of_an_answer_is_what_the_sums_count(tmp_path: Path) -> None:
    prices = [{"from": "2026-01-01", "perMillion": {"prompt": 0.123456789, "completion": 0.987654321}}]
    usage = {"prompt_tokens": 1_001, "completion_tokens": 333, "total_tokens": 1_334}
    async with (
        serving(stream(*chat_chunks("Hello", usage=usage), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url, model={"prices": prices})) as process,
    ):
        answer = await ask(process)
        stats = await process.call("activity:stats", {})
    assert answer["costUSD"] == pytest.approx((1_001 * 0.123456789 + 333 * 0.987654321) / 1_000_000)
    assert stats["totalCost"] == answer["costUSD"]


@field("money", "OpenAI at `https://eu.api.openai.com/v1`, gpt-6-sol")
async def test_an_answer_of_a_regional_host_costs_a_tenth_more(tmp_path: Path) -> None:
    pair = certificate(tmp_path, REGIONAL)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    answered = stream(*({**chunk, "model": "gpt-6-sol"} for chunk in chat_chunks("Hello")), "[DONE]")
    async with serving(answered, tls=tls) as server, proxying(server.port) as proxy:
        environment = {
            "OPENAI_BASE_URL": f"https://{REGIONAL}/v1",
            "OPENAI_API_KEY": KEY,
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
            "NODE_EXTRA_CA_CERTS": str(pair[0]),
        }
        async with sidecar(tmp_path / "data", environment=environment) as process:
            answer = await ask(process, model="openai/gpt-6-sol")
    assert proxy.seen == [f"CONNECT {REGIONAL}:443 HTTP/1.1"]
    # 1,000 tokens in at 2 dollars a million, 100 out at 10, and a tenth more.
    assert answer["costUSD"] == pytest.approx(0.0033)
