"""Anthropic's batches where the vendor answers in ways that the simulator does not: from a script."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.anthropic.batch import AnthropicBatch
from sidecar.providers.anthropic.batch_format import batch_state, outcome
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.batches import BatchPart, BatchState
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked
from tests.helpers.batches import outcomes
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge

KEY = "sk-ant-test-key-123456"
ASKED = Asked(ANTHROPIC, "anthropic", None, KEY)
SINCE_MS = 1_795_392_000_000
CREATED, LONG_AGO = "2026-11-23T00:00:01.5Z", "2026-11-20T00:00:00+00:00"
PART = BatchPart("part-1", "claude-sonnet-5-5", [b'{"a":1}', b'{"b":2}'], ["h-1", "h-2"], SINCE_MS)
ENDED = BatchState("msgbatch_1", "ended", True, True, handles={"results_url": "https://elsewhere.example/r"})
EXPIRED = json.dumps({"custom_id": "h-1", "result": {"type": "expired"}}).encode() + b"\n"


def scripted(*script: Reply | Exception) -> tuple[AnthropicBatch, ScriptedTransport]:
    edge, transport, _ = scripted_edge(*script)
    return AnthropicBatch(edge, "https://api.example"), transport


def said(value: Any, status: int = 200) -> Reply:
    return Reply(status, chunks=[json.dumps(value).encode()])


def batch(id_: str = "msgbatch_1", **members: Any) -> dict[str, Any]:
    counts = {"processing": 0, "succeeded": 2, "errored": 0, "canceled": 0, "expired": 0}
    return {
        "id": id_,
        "type": "message_batch",
        "processing_status": "ended",
        "created_at": CREATED,
        "results_url": "https://elsewhere.example/r",
        "request_counts": counts,
        **members,
    }


def page(*batches: dict[str, Any], more: bool = False) -> Reply:
    return said({"data": list(batches), "has_more": more})


async def test_a_list_is_read_until_it_is_older_than_the_intent() -> None:
    other = json.dumps({"custom_id": "x-1", "result": {"type": "expired"}}).encode()
    adapter, transport = scripted(
        page(batch("b3"), batch("b2", request_counts={"succeeded": 9}), more=True),
        page(batch("b1", created_at=LONG_AGO), more=True),
        Reply(chunks=[other]),
    )
    found = await adapter.find(KEY, PART)
    assert (found.state, found.certain) == (None, True)
    assert [
        asked.url.removeprefix("https://api.example/v1/messages/batches") for asked in transport.asked
    ] == [
        "?limit=100",
        "?limit=100&after_id=b2",
        "/b3/results",
    ]


async def test_of_the_results_only_the_first_row_is_read_to_know_a_batch() -> None:
    adapter, transport = scripted(page(batch("b1")), Reply(chunks=[EXPIRED, asyncio.Event()]))
    found = await adapter.find(KEY, PART)
    assert found.state is not None
    assert (found.state.native_id, found.certain) == ("b1", True)
    assert transport.closed == 2


@pytest.mark.parametrize(
    "members",
    [
        {"processing_status": "in_progress", "results_url": None},
        {"processing_status": "canceling", "results_url": None},
        {"results_url": None, "request_counts": None},
        {"results_url": None, "archived_at": CREATED},
        {"processing_status": "in_progress", "results_url": None, "request_counts": None},
        {"processing_status": "in_progress", "results_url": None, "created_at": None},
    ],
)
async def test_what_cannot_be_told_leaves_a_doubt(members: dict[str, Any]) -> None:
    adapter, _ = scripted(page(batch("b1", **members)))
    found = await adapter.find(KEY, PART)
    assert (found.state, found.certain) == (None, False)
    assert "b1" in found.note


@pytest.mark.parametrize(("reply", "found"), [(Reply(chunks=[EXPIRED]), "b1"), (said({}, 404), None)])
async def test_results_that_an_ended_batch_does_not_name_are_looked_for_where_they_always_are(
    reply: Reply, found: str | None
) -> None:
    adapter, transport = scripted(page(batch("b1", results_url=None)), reply)
    came = await adapter.find(KEY, PART)
    assert (came.state and came.state.native_id, came.certain) == (found, found is not None)
    assert transport.asked[-1].url.endswith("/v1/messages/batches/b1/results")


async def test_a_list_that_does_not_go_on_proves_nothing() -> None:
    for script in ([page(batch("b1"), more=True)] * 2, [page(more=True)], [said({})]):
        adapter, _ = scripted(*script)
        with pytest.raises(Failure):
            await adapter.find(KEY, PART)


@pytest.mark.parametrize(
    ("members", "ended", "ready", "counts"),
    [
        ({"processing_status": "in_progress", "results_url": None}, False, False, (2, None, None)),
        ({"processing_status": "canceling", "results_url": None}, False, False, (2, None, None)),
        ({"processing_status": "something new", "results_url": None}, False, False, (2, None, None)),
        ({"processing_status": "something new"}, True, True, (2, 2, 0)),
        ({"processing_status": "Ended"}, True, True, (2, 2, 0)),
        ({"results_url": None}, True, True, (2, 2, 0)),
        ({"results_url": None, "request_counts": None}, True, False, (None, None, None)),
        ({"processing_status": None, "status": "completed"}, True, True, (2, 2, 0)),
        (
            {"processing_status": None, "status": "running", "results_url": None},
            False,
            False,
            (2, None, None),
        ),
        ({}, True, True, (2, 2, 0)),
        (
            {"request_counts": {"succeeded": 1, "errored": 2, "canceled": 3, "expired": 4}},
            True,
            True,
            (10, 1, 9),
        ),
        ({"request_counts": None}, True, True, (None, None, None)),
        ({"results_url": None, "archived_at": CREATED}, True, True, (2, 2, 0)),
    ],
)
def test_ended_and_ready_are_two_facts(
    members: dict[str, Any], ended: bool, ready: bool, counts: tuple[int | None, ...]
) -> None:
    state = batch_state(batch(**members))
    assert state is not None
    assert (state.ended, state.results_ready) == (ended, ready)
    assert (state.total, state.completed, state.failed) == counts
    assert state.created_at == SINCE_MS + 1_500


async def test_results_that_are_gone_are_none_and_said_to_be() -> None:
    adapter, transport = scripted()
    state = batch_state(batch(archived_at=CREATED))
    assert state is not None
    assert state.error is not None
    assert await outcomes(adapter, state) == []
    assert transport.asked == []


async def test_the_key_goes_to_the_base_url_and_not_where_the_results_are_said_to_be() -> None:
    adapter, transport = scripted(Reply(chunks=[EXPIRED]))
    assert [came.never_ran for came in await outcomes(adapter, ENDED)] == ["expired"]
    assert transport.asked[0].url == "https://api.example/v1/messages/batches/msgbatch_1/results"
    assert transport.asked[0].headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "invalid_request_error", "message": "bad"}, "provider_rejected"),
        ({"type": "invalid_request_error", "message": "prompt is too long"}, "context_length_exceeded"),
        ({"type": "rate_limit_error", "message": "slow"}, "rate_limited"),
        ({"type": "overloaded_error", "message": "busy"}, "provider_unavailable"),
        ({}, "provider_unavailable"),
    ],
)
def test_a_row_that_failed_has_the_kind_of_its_cause(error: dict[str, Any], kind: str) -> None:
    result = {"type": "errored", "error": {"type": "error", "error": error, "request_id": "req_1"}}
    came = outcome({"custom_id": "a", "result": result}, ASKED)
    assert came is not None
    assert came.failure is not None
    assert (came.failure.kind, came.failure.request_id) == (kind, "req_1")
    assert not isinstance(came.failure, OutcomeUnknown)


def test_a_result_of_a_kind_that_is_not_known_is_a_failure_only_where_it_has_an_error() -> None:
    came = outcome({"custom_id": "a", "result": {"type": "postponed", "error": "Later."}}, ASKED)
    assert came is not None
    assert came.failure is not None
    assert outcome({"custom_id": "a", "result": {"type": "postponed"}}, ASKED) is None
    assert outcome({"result": {"type": "expired"}}, ASKED) is None


def test_a_reply_brings_its_thinking_its_sources_and_its_usage() -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-sonnet-5-5",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "text", "text": "Answer.", "citations": [{"url": "https://example.com/", "title": "T"}]},
        ],
        "stop_reason": "max_tokens",
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 3,
            "cache_creation": {"ephemeral_1h_input_tokens": 3, "ephemeral_5m_input_tokens": 0},
            "output_tokens": 9,
            "service_tier": "batch",
        },
    }
    result = {"type": "succeeded", "message": message}
    came = outcome({"custom_id": "a", "result": result}, ASKED)
    assert came is not None
    assert (came.text, came.thinking, came.failure) == ("Answer.", "Hm.", None)
    assert came.done is not None
    assert came.done.usage is not None
    assert (came.done.finish_reason, came.done.response_id) == ("length", "msg_1")
    assert (came.done.usage.in_uncached, came.done.usage.cache_read, came.done.usage.cache_write_long) == (
        10,
        5,
        3,
    )
    assert [citation.url for citation in came.done.citations] == ["https://example.com/"]


def test_a_turn_that_paused_is_no_answer_but_is_kept_with_what_it_cost() -> None:
    message = {
        "type": "message",
        "content": [{"type": "text", "text": "So far I have found"}],
        "stop_reason": "pause_turn",
        "usage": {"input_tokens": 10, "output_tokens": 4, "server_tool_use": {"web_search_requests": 5}},
    }
    came = outcome({"custom_id": "a", "result": {"type": "succeeded", "message": message}}, ASKED)
    assert came is not None
    assert came.failure is not None
    assert came.done is not None
    assert came.done.usage is not None
    assert "run the row in a local batch" in came.failure.message
    assert (came.text, came.done.usage.searches, came.done.usage.out_total) == ("So far I have found", 5, 4)
