"""Anthropic's message batches: the rows go with the create, and nothing in the batch is ours."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sidecar.providers.anthropic.batch import AnthropicBatch
from sidecar.providers.anthropic.provider import Anthropic
from sidecar.providers.base import Provider
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchState
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.simulated import NOW_MS
from tests.providers.conformance.batch_vendor import ANSWER, BatchVendor, Price, RowEnd, json_lines

_NO_MARK = "a batch carries no mark of ours: it is known by its rows, once it has ended"
_NO_FILE = "the rows go with the create"
_HOUR = {"cache_ttl": "1h"}


class AnthropicBatches(BatchVendor):
    name = "anthropic batches"
    provider = "anthropic"
    model = "claude-sonnet-5-5"
    address = "https://api.anthropic.com"
    simulated_path = "/anthropic/"
    scripted_path = ""
    words = ("in_progress", "in_progress", "in_progress", "ended", "ended")
    completed = (None, None, None, 4, 4)
    expired_word = "ended"
    cancelled_word = "ended"
    refusals_are_free = True
    brief: ClassVar = ("claude-haiku-4-5", {})
    # Everything is halved, the cache of one hour included.
    prices = (
        Price("claude-sonnet-5-5", "1", "0.05", "5", written="2", ask=_HOUR),
        Price("claude-haiku-4-5", "0.5", "0.05", "2.5", written="1", ask=_HOUR),
    )
    lacks: ClassVar = {"mode": "there is no mode for JSON without a schema"}
    gaps: ClassVar = {
        "test_a_create_whose_answer_was_lost_is_found_again": _NO_MARK,
        "test_a_batch_is_found_among_what_is_none": _NO_MARK,
        "test_of_several_batches_of_a_part_the_one_that_did_not_fail_is_ours": _NO_MARK,
        "test_of_several_batches_of_a_part_that_run_those_that_are_not_ours_are_told": _NO_MARK,
        "test_absence_is_not_certain_where_the_key_does_not_see_what_was_uploaded": _NO_FILE,
        "test_an_upload_that_is_not_confirmed_has_run_nothing": _NO_FILE,
    }

    def make(self, http: HttpClient, base_url: str) -> BatchAdapter:
        return AnthropicBatch(http, base_url)

    def planner(self) -> Provider:
        return Anthropic(HttpClient(), self.address)

    @property
    def lone(self) -> BatchPart:
        return BatchPart("part-1", self.model, [b'{"a":1}'], ["a"], NOW_MS)

    def batch(self, id_: str, state: Literal["new", "running", "done", "failed"], tag: str = "part-1") -> Any:
        ended = state in ("done", "failed")
        return {
            "id": id_,
            "processing_status": "ended" if ended else "in_progress",
            "created_at": "2026-11-23T00:00:01Z",
            "request_counts": {"processing": 0, "succeeded": 7},
            "results_url": "https://elsewhere.example/r" if ended else None,
        }

    def page(self, *listed: Any, more: bool = False) -> Any:
        return {"data": list(listed), "has_more": more}

    def row(self, id_: str, ended: RowEnd) -> Any:
        if ended == "stray":
            return {"result": {"type": "expired"}}
        if ended == "answer":
            content = [{"type": "text", "text": ANSWER}]
            message = {"type": "message", "model": self.model, "content": content, "stop_reason": "end_turn"}
            return {"custom_id": id_, "result": {"type": "succeeded", "message": message}}
        if ended == "error":
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "It broke."}}
            return {"custom_id": id_, "result": {"type": "errored", "error": error}}
        return {"custom_id": id_, "result": {"type": "canceled" if ended == "cancelled" else ended}}

    def results(self, *rows: Any) -> tuple[BatchState, bytes]:
        handles = {"results_url": "https://elsewhere.example/r"}
        return BatchState("batch_1", "ended", True, True, handles=handles), json_lines(rows)
