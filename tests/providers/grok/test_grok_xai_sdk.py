"""xAI's own client speaks gRPC, not REST: its messages have `outputs` for `choices` and base64 for lists of bytes.

So it cannot read an answer of the REST API. What both forms share by name is held against it here: efforts,
usage and its ticks, the search tool, roles, the description of a key, and tokens.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from xai_sdk.cost import cost_usd_from_usage  # type: ignore[import-untyped]
from xai_sdk.proto import auth_pb2, chat_pb2, tokenize_pb2, usage_pb2  # type: ignore[import-untyped]
from xai_sdk.tools import web_search  # type: ignore[import-untyped]

from sidecar.providers.grok.usage import TICK_DIGITS, chat_usage
from sidecar.simulator.exchange import SimRequest
from tests.helpers.conversing import question
from tests.helpers.grok import CATALOGUE, MODELS, plan
from tests.helpers.simulated import post, read, simulator


@pytest.mark.parametrize("model", MODELS)
def test_every_effort_that_is_listed_is_one_of_the_clients(model: str) -> None:
    found = CATALOGUE.reported("grok", model)
    assert found is not None
    known = {name.removeprefix("EFFORT_").lower() for name, _ in chat_pb2.ReasoningEffort.items()}
    assert set(found.efforts) <= known


async def test_the_usage_fits_the_clients_and_costs_what_it_says() -> None:
    answer = json.loads(
        await read(await post(simulator(), "/xai/v1/chat/completions", question(model="grok-4.3")))
    )
    reported = answer["usage"]
    details = {
        "reasoning_tokens": reported["completion_tokens_details"]["reasoning_tokens"],
        "cached_prompt_text_tokens": reported["prompt_tokens_details"]["cached_tokens"],
        "prompt_text_tokens": reported["prompt_tokens_details"]["text_tokens"],
    }
    apart = ("prompt_tokens_details", "completion_tokens_details")
    shared = {name: value for name, value in reported.items() if name not in apart}
    usage = json_format.ParseDict({**shared, **details}, usage_pb2.SamplingUsage())
    ours = chat_usage(reported)
    assert (usage.completion_tokens, usage.reasoning_tokens) == (ours.out_visible, ours.out_reasoning)
    assert ours.charged_usd is not None
    assert ours.charged_usd == Decimal(usage.cost_in_usd_ticks).scaleb(-TICK_DIGITS)
    assert cost_usd_from_usage(usage) == pytest.approx(float(ours.charged_usd), rel=1e-12)


def test_the_search_tool_is_the_clients() -> None:
    (tool,) = plan("grok-4.3", web_search_max_uses=1).body["tools"]
    assert web_search().WhichOneof("tool") == tool["type"]


def test_the_roles_and_formats_are_the_clients() -> None:
    body: dict[str, Any] = dict(plan("grok-4.3", system="s", json_mode=True).body)
    roles = {name.removeprefix("ROLE_").lower() for name, _ in chat_pb2.MessageRole.items()}
    formats = {name.removeprefix("FORMAT_TYPE_").lower() for name, _ in chat_pb2.FormatType.items()}
    assert {message["role"] for message in body["messages"]} <= roles
    assert body["response_format"]["type"] in formats


async def test_the_description_of_a_key_fits_the_clients() -> None:
    request = SimRequest("GET", "/xai/v1/api-key", {"authorization": "Bearer xai-1"})
    told = json.loads(await read(await simulator().handle(request)))
    # The REST form says `api_key_disabled` where the other says `disabled`.
    told["disabled"] = told.pop("api_key_disabled")
    key = json_format.ParseDict(told, auth_pb2.ApiKey())
    assert (key.disabled, key.api_key_blocked, key.team_blocked) == (False, False, False)


async def test_tokens_fit_the_clients() -> None:
    body = {"model": "grok-4.3", "text": "two words"}
    sim = simulator()
    told = json.loads(await read(await post(sim, "/xai/v1/tokenize-text", body)))["token_ids"]
    # The REST form has the bytes as a list.
    pieces = [bytes(token.pop("token_bytes")) for token in told]
    tokens = [json_format.ParseDict(token, tokenize_pb2.Token()) for token in told]
    assert b"".join(pieces).decode() == "two words"
    assert "".join(token.string_token for token in tokens) == "two words"
    assert sim.ledger.entries == []
