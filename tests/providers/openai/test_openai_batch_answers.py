"""OpenAI's batches where the vendor answers in ways that the simulator does not: from a script."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.batches import BatchPart
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.batch import OpenAIBatch
from sidecar.providers.openai.batch_format import batch_state, outcome
from sidecar.providers.openai.errors import OPENAI
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge

KEY = "sk-test-key-123456"
DAY_S = 24 * 3_600
SINCE_S = 1_795_392_000
PART = BatchPart("part-1", "gpt-5", [b'{"custom_id":"a"}'], ["a"], SINCE_S * 1000, "file-1")
ASKED = Asked(OPENAI, "openai", None, KEY)


def scripted(*script: Reply | Exception) -> tuple[OpenAIBatch, ScriptedTransport]:
    edge, transport, _ = scripted_edge(*script)
    return OpenAIBatch(edge, "https://api.example/v1"), transport


def said(value: Any, status: int = 200) -> Reply:
    return Reply(status, chunks=[json.dumps(value).encode()])


def batch(id_: str = "batch_1", **members: Any) -> dict[str, Any]:
    return {"id": id_, "object": "batch", "status": "completed", "created_at": SINCE_S, **members}


def page(*batches: dict[str, Any], more: bool = False) -> Reply:
    return said({"object": "list", "data": list(batches), "has_more": more})


async def test_a_create_says_what_is_to_be_run_and_whose_it_is() -> None:
    adapter, transport = scripted(said(batch(status="validating")))
    await adapter.create(KEY, PART)
    assert transport.asked[0].body == {
        "input_file_id": "file-1",
        "endpoint": "/v1/responses",
        "completion_window": "24h",
        "metadata": {"abai_part": "part-1"},
    }


async def test_a_list_is_read_until_it_is_older_than_the_intent() -> None:
    old = SINCE_S - 3 * DAY_S
    adapter, transport = scripted(
        page(batch("b3", created_at=SINCE_S), batch("b2", created_at=SINCE_S - 5), more=True),
        page(batch("b1", created_at=old), more=True),
        said({"id": "file-1"}),
    )
    assert (await adapter.find(KEY, PART)).certain
    assert [asked.url.rpartition("/v1")[2] for asked in transport.asked] == [
        "/batches?limit=100",
        "/batches?limit=100&after=b2",
        "/files/file-1",
    ]


@pytest.mark.parametrize(
    "ages",
    [
        # Oldest first, no order at all, and all of the same second: none of them says where the newest stand.
        [[5 * DAY_S, 4 * DAY_S], [3 * DAY_S, 2 * DAY_S]],
        [[0, 5 * DAY_S], [6 * DAY_S, 7 * DAY_S, 4 * DAY_S]],
        [[3 * DAY_S, 3 * DAY_S], [3 * DAY_S]],
    ],
)
async def test_a_list_in_another_order_is_read_to_its_end(ages: list[list[int]]) -> None:
    first, second = (
        [batch(f"b{number}-{n}", created_at=SINCE_S - age) for n, age in enumerate(listed)]
        for number, listed in enumerate(ages)
    )
    ours = batch("ours", metadata={"abai_part": "part-1"})
    adapter, _ = scripted(page(*first, more=True), page(*second, more=True), page(ours))
    found = await adapter.find(KEY, PART)
    assert found.state is not None
    assert found.state.native_id == "ours"


async def test_a_list_that_cannot_be_read_proves_nothing() -> None:
    adapter, _ = scripted(said({"object": "list"}))
    with pytest.raises(Failure):
        await adapter.find(KEY, PART)


@pytest.mark.parametrize(
    ("members", "ended", "ready"),
    [
        ({"status": "validating"}, False, False),
        ({"status": "in_progress"}, False, False),
        ({"status": "finalizing"}, False, False),
        ({"status": "cancelling", "output_file_id": "f"}, False, False),
        ({"status": "something new"}, False, False),
        ({"status": "something new", "completed_at": 9, "output_file_id": "f"}, True, True),
        ({"status": "In-Progress", "output_file_id": "f"}, False, False),
        ({"status": " Succeeded", "output_file_id": "f"}, True, True),
        ({"status": "canceled", "output_file_id": "f"}, True, True),
        ({"status": "completed", "output_file_id": "f"}, True, True),
        ({"status": "completed", "error_file_id": "f"}, True, True),
        ({"status": "completed", "output_file_id": None}, True, False),
        ({"status": "completed", "output_file_id": ""}, True, False),
        ({"status": "failed"}, True, True),
        ({"status": "expired"}, True, True),
        ({"status": "cancelled", "request_counts": {"total": 0, "completed": 0, "failed": 0}}, True, True),
        ({"status": "cancelled", "request_counts": {"total": 3, "completed": 1, "failed": 0}}, True, False),
        (
            {"status": "expired", "request_counts": {"total": 3, "completed": 1}, "output_file_id": "f"},
            True,
            True,
        ),
    ],
)
def test_ended_and_ready_are_two_facts(members: dict[str, Any], ended: bool, ready: bool) -> None:
    state = batch_state(batch(**members))
    assert state is not None
    assert (state.ended, state.results_ready) == (ended, ready)


def test_counts_that_are_not_told_are_not_known() -> None:
    state = batch_state(batch())
    assert state is not None
    assert (state.total, state.completed, state.failed) == (None, None, None)


def test_the_errors_of_a_validation_are_told_and_the_rest_counted() -> None:
    errors = [{"code": "invalid_url", "message": f"wrong {n}", "line": n} for n in range(1, 6)]
    state = batch_state(batch(status="failed", errors={"data": errors}))
    assert state is not None
    assert state.error == "line 1: wrong 1; line 2: wrong 2; line 3: wrong 3; and 2 more"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ({"response": None, "error": {"code": "server_error", "message": "Broke."}}, "provider_unavailable"),
        ({"response": {"status_code": 429, "body": {"error": {"message": "slow"}}}}, "rate_limited"),
        ({"response": {"status_code": 400, "body": {}}}, "provider_rejected"),
        ({"response": {"status_code": 200, "body": {}}}, "provider_unavailable"),
        (
            {
                "response": {
                    "status_code": 200,
                    "body": {"object": "response", "status": "failed", "error": {}},
                }
            },
            "provider_unavailable",
        ),
        (
            {
                "response": {
                    "status_code": 400,
                    "body": {"error": {"code": "context_length_exceeded", "message": "long"}},
                }
            },
            "context_length_exceeded",
        ),
    ],
)
def test_a_row_that_failed_has_the_kind_of_its_cause(line: dict[str, Any], kind: str) -> None:
    came = outcome({"custom_id": "a", **line}, ASKED, 0)
    assert came is not None
    assert came.failure is not None
    assert came.failure.kind == kind
    assert came.done is None


@pytest.mark.parametrize("line", [{}, {"response": None, "error": None}, {"response": {}, "error": {}}])
def test_a_row_of_which_a_line_says_nothing_is_not_taken_for_one_that_cost_nothing(
    line: dict[str, Any],
) -> None:
    assert outcome({"custom_id": "a", **line}, ASKED, 0) is None


def test_a_reply_brings_its_thinking_its_sources_and_its_usage() -> None:
    body = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "gpt-5-2025-08-07",
        "output": [
            {"type": "reasoning", "summary": [{"text": "First."}, {"text": "Second."}]},
            {
                "type": "message",
                "content": [
                    {
                        "type": "output_text",
                        "text": "Answer.",
                        "annotations": [
                            {"type": "url_citation", "url": "https://example.com/", "title": "T"}
                        ],
                    }
                ],
            },
        ],
        "usage": {
            "input_tokens": 30,
            "input_tokens_details": {"cached_tokens": 10},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4},
        },
    }
    came = outcome({"custom_id": "a", "response": {"status_code": 200, "body": body}}, ASKED, 0)
    assert came is not None
    assert (came.text, came.thinking, came.failure) == ("Answer.", "First.\n\nSecond.", None)
    assert came.done is not None
    assert came.done.usage is not None
    assert (came.done.usage.in_uncached, came.done.usage.cache_read) == (20, 10)
    assert (came.done.usage.out_visible, came.done.usage.out_reasoning) == (5, 4)
    assert (came.done.served_model, came.done.response_id) == ("gpt-5-2025-08-07", "resp_1")
    assert [citation.url for citation in came.done.citations] == ["https://example.com/"]
