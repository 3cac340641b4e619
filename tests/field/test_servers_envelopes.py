"""What gateways put around a vendor's own pieces, and the words in which servers count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import Answer, chat_chunks, claude_events, head, raw, serving, stream, whole
from tests.field.lab import LAB_USD, Lab, ask, refused, sidecar, vendor_environment
from tests.field.vendors import Misbehaviour, Whole, closed, native, submitted, vendors

TEXT = "Good morning"
MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]}
USAGE = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
RESPONSE = {"id": "r1", "object": "response", "status": "completed", "model": "gpt-6-sol", "usage": USAGE}
ASKED: dict[str, tuple[str, dict[str, Any], Sequence[dict[str, Any]]]] = {
    "anthropic": ("anthropic/claude-sonnet-5", {}, [*claude_events("Good", " morning")]),
    "openai": (
        "openai/gpt-6-sol",
        {"enableWebSearch": True},
        [
            {"type": "response.output_text.delta", "delta": "Good", "output_index": 0, "content_index": 0},
            {
                "type": "response.output_text.delta",
                "delta": " morning",
                "output_index": 0,
                "content_index": 0,
            },
            {"type": "response.completed", "response": {**RESPONSE, "output": [MESSAGE]}},
        ],
    ),
    "gemini": (
        "gemini/gemini-3.8-flash",
        {},
        [
            {"candidates": [{"content": {"parts": [{"text": "Good"}]}}]},
            {"candidates": [{"content": {"parts": [{"text": " morning"}]}, "finishReason": "STOP"}]},
            {"usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 100}},
        ],
    ),
}


def wrapped(pieces: Sequence[dict[str, Any]], envelope: str) -> Answer:
    body = b"".join(b"data: " + json.dumps({envelope: piece}).encode() + b"\n\n" for piece in pieces)
    return raw(head(200, content_type="text/event-stream"), body)


@field("servers", "each piece of a vendor's own protocol stands in an envelope")
@pytest.mark.parametrize("provider", ASKED)
async def test_a_vendor_s_pieces_are_read_inside_an_envelope(provider: str, tmp_path: Path) -> None:
    model, options, pieces = ASKED[provider]
    said = {name: wrapped(pieces, name) for name in ("data", "response", "result")}
    for envelope, answer in said.items():
        async with serving(answer) as server:
            environment = vendor_environment(server.url, provider)
            async with sidecar(tmp_path / envelope, environment=environment) as process:
                found = await ask(process, model=model, options=options)
        assert found["answer"] == TEXT, envelope
        assert found["costUSD"] > 0, envelope


CLAUDE_USAGE = {"input_tokens": 1000, "output_tokens": 100}
CLAUDE = {"type": "message", "role": "assistant", "model": "claude-sonnet-5", "usage": CLAUDE_USAGE}
CANDIDATE = {"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP"}
DOCUMENTS = {
    "anthropic": {**CLAUDE, "stop_reason": "end_turn", "content": [{"type": "text", "text": TEXT}]},
    "openai": {**RESPONSE, "output": [MESSAGE]},
    "gemini": {"candidates": [CANDIDATE], "usageMetadata": ASKED["gemini"][2][2]["usageMetadata"]},
}


@field("servers", "the whole answer of a vendor stands in an envelope")
@pytest.mark.parametrize("provider", ASKED)
async def test_a_vendor_s_whole_answer_is_read_inside_an_envelope(provider: str, tmp_path: Path) -> None:
    model, options, _ = ASKED[provider]
    document = DOCUMENTS[provider]
    told = [{"code": 0, "data": document}, {"statusCode": 200, "body": json.dumps(document)}]
    for number, envelope in enumerate(told):
        async with serving(whole(envelope)) as server:
            environment = vendor_environment(server.url, provider)
            async with sidecar(tmp_path / f"{number}", environment=environment) as process:
                found = await ask(process, model=model, options=options)
        assert found["answer"] == TEXT, envelope
        assert found["costUSD"] > 0, envelope


async def test_a_named_error_in_the_middle_of_gemini_s_answer_is_told_in_its_words(tmp_path: Path) -> None:
    broken = stream(ASKED["gemini"][2][0], b'event: error\ndata: {"message": "Too busy", "code": 529}\n\n')
    async with (
        serving(broken) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "gemini")) as process,
    ):
        assert "Too busy" in (await refused(process, model=ASKED["gemini"][0])).message


@field("servers", "the usage is counted in words of the server's own")
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "words",
    [
        ("request_tokens", "response_tokens"),
        ("context_tokens", "generated_tokens"),
        ("n_prompt_tokens", "n_completion_tokens"),
        ("tokens_in", "tokens_out"),
        ("prompt", "completion"),
        ("input", "output"),
    ],
)
async def test_a_usage_is_read_in_whatever_words_it_is_counted(words: tuple[str, str], lab: Lab) -> None:
    counted = dict(zip(words, (1000, 100), strict=True))
    found = await lab.answered(stream(*chat_chunks(TEXT, usage=counted), "[DONE]"))
    assert found["costUSD"] == pytest.approx(LAB_USD)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_usage_may_be_an_event_of_its_own(lab: Lab) -> None:
    *pieces, last = chat_chunks(TEXT)
    told = b"event: usage\ndata: " + json.dumps(last["usage"]).encode() + b"\n\n"
    found = await lab.answered(stream(*pieces, told, "[DONE]"))
    assert found["costUSD"] == pytest.approx(LAB_USD)


CREATION = {"anthropic": r"POST /anthropic/v1/messages/batches$", "grok": r"POST /xai/v1/batches$"}


@pytest.mark.parametrize("provider", CREATION)
async def test_a_batch_that_is_confirmed_in_a_list_is_known_and_made_once(
    provider: str, tmp_path: Path
) -> None:
    def listed(said: Whole) -> Whole:
        return said[0], b"[" + said[1] + b"]"

    odd = Misbehaviour(CREATION[provider], listed)
    async with vendors(odd) as there, native(tmp_path, there) as process:
        found = await closed(process, await submitted(process, provider))
    assert (found["status"], found["completedRows"], len(there.batches)) == ("completed", 3, 1)
