"""What the vendor's page leaves open about batches: either answer is understood. And its own client's messages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from xai_sdk.batch import ListBatchResultsResponse  # type: ignore[import-untyped]
from xai_sdk.proto import batch_pb2  # type: ignore[import-untyped]

from sidecar.errors import Failure
from sidecar.providers.batches import BatchPart, BatchResult
from sidecar.providers.grok.batch import GrokBatch
from sidecar.providers.grok.batch_format import batch_state, never_ran, outcome
from sidecar.providers.grok.errors import GROK
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked
from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest
from tests.helpers.batches import KEY, outcomes
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge
from tests.helpers.simulated import post, read, simulator

ASKED = Asked(GROK, "grok", None, KEY)
PART = BatchPart("part-1", "grok-4.3", [b'{"batch_request_id":"a"}'], ["a"], 0, "batch_1")
REPLY = {
    "id": "r1",
    "model": "grok-4.3",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "four"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost_in_usd_ticks": 70},
}


def scripted(*documents: Any) -> tuple[GrokBatch, ScriptedTransport]:
    replies = [
        document
        if isinstance(document, Reply | Exception)
        else Reply(200, {}, [json.dumps(document).encode()])
        for document in documents
    ]
    edge, transport, _ = scripted_edge(*replies)
    return GrokBatch(edge, "https://api.example/v1"), transport


def state(now_ms: int = 0, **members: Any) -> Any:
    numbers = {name: members.pop(name) for name in list(members) if name.startswith("num_")}
    return batch_state({"batch_id": "batch_1", "state": numbers, **members}, now_ms)


@pytest.mark.parametrize(
    ("members", "word", "ended", "ready"),
    [
        ({}, "empty", False, False),
        ({"num_requests": 2, "num_pending": 2}, "processing", False, False),
        ({"num_requests": 2, "num_success": 1, "num_error": 1}, "completed", True, True),
        (
            {"num_requests": 2, "num_pending": 1, "cancel_time": "1970-01-01T00:00:01Z"},
            "cancelling",
            False,
            False,
        ),
        (
            {"num_requests": 2, "num_cancelled": 2, "cancel_time": "1970-01-01T00:00:01Z"},
            "cancelled",
            True,
            True,
        ),
        (
            {"num_requests": 2, "num_cancelled": 2, "cancel_time": "1970-01-01T00:00:06Z"},
            "cancelled",
            True,
            False,
        ),
        ({"num_requests": 2, "num_cancelled": 2, "cancel_time": 6}, "cancelled", True, False),
        ({"cancel_by_xai_message": "Line 1 is wrong."}, "cancelled", True, True),
        ({"cancel_by_xai_message": "Line 1 is wrong.", "num_requests": 2}, "cancelled", True, True),
        ({"num_requests": 2, "num_success": 1}, "processing", False, False),
        ({"num_requests": "2", "num_pending": "1", "num_success": "1"}, "processing", False, False),
        ({"num_requests": 2, "num_pending": -1, "num_success": 1}, "processing", False, False),
        ({"num_requests": 2, "num_pending": 1, "expire_time": "1970-01-01T00:00:09Z"}, "expired", True, True),
        (
            {"num_requests": 2, "num_pending": 1, "expire_time": "1970-01-01T00:00:11Z"},
            "processing",
            False,
            False,
        ),
    ],
)
def test_a_batch_is_read_from_its_numbers(
    members: dict[str, Any], word: str, ended: bool, ready: bool
) -> None:
    made = state(10_000, **members)
    assert (made.word, made.ended, made.results_ready) == (word, ended, ready)


@pytest.mark.parametrize("value", [{}, {"batch_id": ""}, {"id": "batch_1"}])
def test_what_is_no_batch_is_none(value: dict[str, Any]) -> None:
    assert batch_state(value, 0) is None


@pytest.mark.parametrize(
    "result",
    [
        {"batch_result": {"response": {"chat_get_completion": REPLY}}},
        {"batch_result": {"response": {"completion_response": REPLY}}},
        {"batch_result": {"response": REPLY}},
        {"response": {"chat_get_completion": REPLY}},
        {"batch_result": {"response": {"chat_get_completion": REPLY}, "error": None}},
    ],
)
def test_an_answer_is_found_wherever_it_lies(result: dict[str, Any]) -> None:
    came = outcome({"batch_request_id": "a", **result}, ASKED)
    assert came is not None
    assert (came.text, came.failure) == ("four", None)
    assert came.done is not None
    assert came.done.usage is not None
    assert came.done.usage.charged_usd is not None
    assert (came.done.served_model, came.done.response_id) == ("grok-4.3", "r1")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("Rate limit reached.", "rate_limited"),
        ({"code": 8, "message": "Slow down."}, "rate_limited"),
        ({"code": 429, "message": "Slow down."}, "rate_limited"),
        ({"code": 3, "message": "This model's maximum prompt length is 10."}, "context_length_exceeded"),
        ({"code": 14, "message": "Down."}, "provider_unavailable"),
        ({"code": "Internal error", "error": "Down."}, "provider_unavailable"),
        ({"message": "Content violates usage guidelines."}, "content_filtered"),
    ],
)
@pytest.mark.parametrize("nested", [True, False])
def test_the_error_of_a_row_is_text_or_has_a_code(error: Any, kind: str, nested: bool) -> None:
    result = {"batch_result": {"error": error}} if nested else {"error": error}
    came = outcome({"batch_request_id": "a", **result}, ASKED)
    assert came is not None
    assert came.failure is not None
    assert came.failure.kind == kind
    assert not isinstance(came.failure, OutcomeUnknown)


@pytest.mark.parametrize(
    "value", [{}, {"batch_request_id": 3}, {"batch_request_id": ""}, {"batch_request_id": "a", "error": None}]
)
def test_a_result_that_names_no_row_or_says_nothing_of_it_is_none(value: dict[str, Any]) -> None:
    assert outcome(value, ASKED) is None


@pytest.mark.parametrize(
    ("told", "cancelled"),
    [
        ("STATE_CANCELLED", True),
        ("cancelled", True),
        ("canceled", True),
        ("STATE_SUCCEEDED", False),
        ("STATE_PENDING", False),
        (3, False),
        (None, False),
    ],
)
def test_a_row_was_cancelled_when_its_state_says_so(told: Any, cancelled: bool) -> None:
    came = never_ran({"batch_request_id": "a", "state": told})
    assert came == (BatchResult("a", never_ran="cancelled") if cancelled else None)


async def test_a_row_that_can_be_read_outranks_the_cancel() -> None:
    results = {"results": [{"batch_request_id": "a", "batch_result": {"response": {"x": REPLY}}}]}
    requests = {
        "batch_request_metadata": [
            {"batch_request_id": "a", "state": "STATE_CANCELLED"},
            {"batch_request_id": "b", "state": "STATE_CANCELLED"},
            {"batch_request_id": "c", "state": "STATE_PENDING"},
        ]
    }
    adapter, _ = scripted(results, requests)
    came = await outcomes(adapter, state(num_requests=3, num_cancelled=2, num_pending=1))
    assert [(row.custom_id, row.text, row.never_ran) for row in came] == [
        ("a", "four", None),
        ("b", "", "cancelled"),
    ]


async def test_rows_over_the_limit_have_certainly_not_been_taken_and_are_sent_again() -> None:
    adapter, transport = scripted(Reply(429), {})
    made = await adapter.create(KEY, PART)
    assert (made.native_id, made.total) == ("batch_1", 1)
    assert [asked.url for asked in transport.asked] == ["https://api.example/v1/batches/batch_1/requests"] * 2
    assert transport.asked[0].body == {"batch_requests": [{"batch_request_id": "a"}]}


@pytest.mark.parametrize("step", [Reply(200, {}, [b"<html>"]), {"batch_id": ""}])
async def test_a_container_that_was_not_confirmed_can_be_made_again(step: Any) -> None:
    adapter, _ = scripted(step)
    with pytest.raises(Failure) as raised:
        await adapter.upload(KEY, replace(PART, input_file_id=None))
    assert not isinstance(raised.value, OutcomeUnknown)


async def told(sim: Simulator, path: str, query: dict[str, str] | None = None) -> Any:
    headers = {"authorization": "Bearer xai-1"}
    return json.loads(
        await read(await sim.handle(SimRequest("GET", f"/xai/v1{path}", headers, b"", query or {})))
    )


async def filled(sim: Simulator, *texts: str) -> str:
    """A batch with a row for each text, looked at until half of it has run."""
    made = json.loads(await read(await post(sim, "/xai/v1/batches", {"name": "ours"})))
    rows = [
        {
            "batch_request_id": f"row-{number}",
            "batch_request": {
                "chat_get_completion": {"model": "grok-4.3", "messages": [{"role": "user", "content": text}]}
            },
        }
        for number, text in enumerate(texts)
    ]
    path = f"/batches/{made['batch_id']}"
    assert (await post(sim, f"/xai/v1{path}/requests", {"batch_requests": rows})).status == 200
    await told(sim, path)
    return path


async def test_a_batch_fits_the_clients_message() -> None:
    """The client speaks gRPC; what it shares with REST by name is held against its messages."""
    sim = simulator()
    path = await filled(sim, "a", "b", "c [[simulate: status=500]]", "d")
    batch = json_format.ParseDict(await told(sim, path), batch_pb2.Batch())
    assert (batch.name, batch.state.num_requests, batch.state.num_error) == ("ours", 4, 1)
    assert batch.cost_breakdown.total_cost_usd_ticks > 0
    assert batch.expire_time.seconds - batch.create_time.seconds == 30 * 24 * 3_600
    await post(sim, f"/xai/v1{path}:cancel", {})
    assert json_format.ParseDict(await told(sim, path), batch_pb2.Batch()).cancel_time.seconds > 0


async def test_lists_fit_the_clients_messages() -> None:
    sim = simulator()
    path = await filled(sim, "a", "b")
    await filled(sim, "a")
    page = json_format.ParseDict(await told(sim, "/batches", {"limit": "1"}), batch_pb2.ListBatchesResponse())
    assert len(page.batches) == 1
    after = {"pagination_token": page.pagination_token}
    assert len((await told(sim, "/batches", after))["batches"]) == 1
    await post(sim, f"/xai/v1{path}:cancel", {})
    await told(sim, path)
    listed = json_format.ParseDict(
        await told(sim, f"{path}/requests"), batch_pb2.ListBatchRequestMetadataResponse()
    )
    states = [batch_pb2.BatchRequestMetadata.State.Name(one.state) for one in listed.batch_request_metadata]
    assert states == ["STATE_SUCCEEDED", "STATE_CANCELLED"]


async def test_errors_of_rows_fit_the_clients_message() -> None:
    sim = simulator()
    path = await filled(sim, "a [[simulate: status=500]]", "b")
    (result,) = (await told(sim, f"{path}/results"))["results"]
    # REST has the error as text inside `batch_result`; the client's is a message with a number.
    message = {"batch_request_id": result["batch_request_id"]}
    message["error"] = {"code": 13, "message": result["batch_result"]["error"]}
    parsed = json_format.ParseDict({"results": [message]}, batch_pb2.ListBatchResultsResponse())
    (failed,) = ListBatchResultsResponse(parsed).failed
    assert failed.error_message == result["batch_result"]["error"]
    came = outcome(message, ASKED)
    assert came is not None
    assert came.failure is not None
