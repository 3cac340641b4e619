"""What the vendor's page leaves open about batches: either answer is understood."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.batches import BatchPart
from sidecar.providers.gemini.batch import GeminiBatch
from sidecar.providers.gemini.batch_format import batch_state, outcome
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked
from tests.helpers.batches import KEY, outcomes
from tests.helpers.gemini import chunk
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge

ASKED = Asked(GEMINI, "gemini", "gemini-3.8-flash", KEY)
DONE = "BATCH_STATE_SUCCEEDED"
ANSWER = chunk("four", "STOP", usage={"promptTokenCount": 3, "candidatesTokenCount": 1})
PART = BatchPart("part-1", "gemini-3.8-flash", [b'{"key":"a","request":{}}'], ["a"], 0, "files/1")


def operation(state: str = DONE, **members: Any) -> dict[str, Any]:
    return {"name": "batches/1", "metadata": {"state": state, "displayName": "part-1", **members}}


def scripted(*documents: Any) -> tuple[GeminiBatch, ScriptedTransport]:
    replies = [
        document
        if isinstance(document, Reply | Exception)
        else Reply(200, {}, [json.dumps(document).encode()])
        for document in documents
    ]
    edge, transport, _ = scripted_edge(*replies)
    return GeminiBatch(edge, "https://api.example"), transport


@pytest.mark.parametrize(
    ("state", "ended", "ready"),
    [
        ("BATCH_STATE_PENDING", False, False),
        ("BATCH_STATE_RUNNING", False, False),
        ("BATCH_STATE_OF_TOMORROW", False, False),
        # Ended, and its results are still to come.
        ("BATCH_STATE_SUCCEEDED", True, False),
        ("BATCH_STATE_FAILED", True, True),
        ("BATCH_STATE_CANCELLED", True, True),
        ("BATCH_STATE_EXPIRED", True, True),
        ("JOB_STATE_EXPIRED", True, True),
    ],
)
def test_ended_and_results_are_here_are_two_facts(state: str, ended: bool, ready: bool) -> None:
    read = batch_state(operation(state))
    assert read is not None
    assert (read.ended, read.results_ready) == (ended, ready)


@pytest.mark.parametrize("place", ["metadata", "response"])
@pytest.mark.parametrize(
    "output", [{"responsesFile": "files/2"}, {"inlinedResponses": {"inlinedResponses": []}}]
)
def test_results_are_found_in_either_place(place: str, output: dict[str, Any]) -> None:
    done = operation(output=output) if place == "metadata" else {**operation(), "response": output}
    read = batch_state(done)
    assert read is not None
    assert read.results_ready
    assert read.handles.keys() == output.keys()


def test_an_operation_without_a_state_is_read_by_whether_it_is_done() -> None:
    read = batch_state({"name": "batches/1", "done": True, "error": {"code": 3, "message": "No."}})
    assert read is not None
    assert (read.ended, read.results_ready, read.error) == (True, True, "No.")
    read = batch_state({"name": "batches/1"})
    assert read is not None
    assert (read.ended, read.total, read.completed) == (False, None, None)


def test_counts_are_text_and_nought_is_left_out() -> None:
    read = batch_state(operation(batchStats={"requestCount": "7", "failedRequestCount": 2}))
    assert read is not None
    assert (read.total, read.completed, read.failed) == (7, 0, 2)


@pytest.mark.parametrize("value", [{}, {"name": ""}, {"name": 3}, {"metadata": {}}])
def test_what_is_no_batch_is_none(value: dict[str, Any]) -> None:
    assert batch_state(value) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 3, "message": "bad"}, "provider_rejected"),
        ({"code": 400, "message": "bad"}, "provider_rejected"),
        ({"code": 8, "message": "much"}, "rate_limited"),
        ({"code": 429, "message": "much"}, "rate_limited"),
        ({"code": 14, "message": "down"}, "provider_unavailable"),
        ({"code": 503, "message": "down"}, "provider_unavailable"),
        ({"code": 4, "message": "late"}, "timeout"),
        ({"status": "RESOURCE_EXHAUSTED", "message": "much"}, "rate_limited"),
        ({"message": "no number"}, "provider_unavailable"),
    ],
)
def test_the_error_of_a_row_is_numbered_in_either_way(error: dict[str, Any], kind: str) -> None:
    came = outcome({"key": "a", "error": error}, ASKED, DONE)
    assert came is not None
    assert came.failure is not None
    assert came.failure.kind == kind
    assert not isinstance(came.failure, OutcomeUnknown)


@pytest.mark.parametrize(
    ("state", "code", "never_ran"),
    [
        ("BATCH_STATE_CANCELLED", 1, "cancelled"),
        ("BATCH_STATE_CANCELLED", 499, "cancelled"),
        ("BATCH_STATE_CANCELLED", 13, None),
        ("BATCH_STATE_EXPIRED", 4, "expired"),
        ("BATCH_STATE_EXPIRED", 504, "expired"),
        ("BATCH_STATE_EXPIRED", 3, None),
        ("BATCH_STATE_SUCCEEDED", 1, None),
    ],
)
def test_an_error_means_never_run_only_where_the_batch_was_stopped(
    state: str, code: int, never_ran: str | None
) -> None:
    came = outcome({"key": "a", "error": {"code": code, "message": "Stopped."}}, ASKED, state)
    assert came is not None
    assert came.never_ran == never_ran
    assert (came.failure is None) == (never_ran is not None)


@pytest.mark.parametrize("error", [{"error": "Boom."}, {"status": {"code": 8, "message": "Boom."}}])
def test_an_error_is_found_as_text_and_as_a_status(error: dict[str, Any]) -> None:
    came = outcome({"key": "a", **error}, ASKED, DONE)
    assert came is not None
    assert came.failure is not None
    assert "Boom." in came.failure.message


@pytest.mark.parametrize("silence", [{}, {"response": None}, {"response": {}, "error": None}])
def test_a_result_with_neither_answer_nor_error_says_nothing_of_its_row(silence: dict[str, Any]) -> None:
    assert outcome({"key": "a", **silence}, ASKED, DONE) is None


@pytest.mark.parametrize("value", [{"response": ANSWER}, {"key": "", "response": ANSWER}])
def test_a_reply_that_names_no_row_is_kept_without_a_name(value: dict[str, Any]) -> None:
    came = outcome(value, ASKED, DONE)
    assert came is not None
    assert (came.custom_id, came.text, came.is_reply) == ("", "four", True)


def test_what_names_no_row_and_is_no_reply_is_none() -> None:
    assert outcome({"metadata": None}, ASKED, DONE) is None


def test_a_blocked_prompt_is_a_failure_with_what_it_cost() -> None:
    response = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    came = outcome({"key": "a", "response": response}, ASKED, DONE)
    assert came is not None
    assert came.failure is not None
    assert came.failure.kind == "content_filtered"
    assert came.done is not None
    assert came.done.usage is not None
    assert came.done.usage.in_uncached == 9


async def test_results_that_are_told_twice_come_once() -> None:
    inlined = {"inlinedResponses": [{"metadata": {"key": "a"}, "response": ANSWER}, {"response": ANSWER}]}
    done = {**operation(output={"inlinedResponses": inlined}), "response": {"inlinedResponses": inlined}}
    adapter, _ = scripted(done, done)
    (came,) = await outcomes(adapter, await adapter.check(KEY, "batches/1"))
    assert (came.custom_id, came.text) == ("a", "four")


async def test_a_file_of_results_that_breaks_off_is_not_taken_for_all() -> None:
    line = json.dumps({"key": "a", "response": ANSWER}).encode() + b"\n"
    adapter, transport = scripted(Reply(200, {}, [line, line[:9], httpx.ReadError("cut")]))
    state = batch_state(operation(output={"responsesFile": "files/2"}))
    assert state is not None
    with pytest.raises(Failure):
        await outcomes(adapter, state)
    assert transport.asked[0].url == "https://api.example/download/v1beta/files/2:download?alt=media"
    assert transport.asked[0].headers["x-goog-api-key"] == KEY


async def test_a_create_over_the_limit_has_certainly_not_run_and_is_asked_again() -> None:
    adapter, transport = scripted(Reply(429), Reply(429), operation("BATCH_STATE_PENDING"))
    state = await adapter.create(KEY, PART)
    assert state.native_id == "batches/1"
    assert len(transport.asked) == 3
    assert transport.asked[0].body == {
        "batch": {"displayName": "part-1", "inputConfig": {"fileName": "files/1"}}
    }


async def test_an_empty_list_is_no_list_at_all() -> None:
    adapter, _ = scripted({})
    assert (await adapter.find(KEY, replace(PART, input_file_id=None))).certain


@pytest.mark.parametrize(
    "script", [[Reply(200)], [httpx.ReadError("cut")], [Reply(200, {"x-goog-upload-url": "u"}), {}]]
)
async def test_an_upload_that_was_not_confirmed_can_be_done_again(script: list[Any]) -> None:
    edge, _, _ = scripted_edge(
        *[step if isinstance(step, Reply | Exception) else Reply(200, {}, [b"{}"]) for step in script]
    )
    adapter = GeminiBatch(edge, "https://api.example")
    with pytest.raises(Failure) as raised:
        await adapter.upload(KEY, PART)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert raised.value.retryable
