"""xAI's batches: a container with a name, to which rows are added."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

from sidecar.providers.base import Provider
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchState
from sidecar.providers.grok.batch import GrokBatch
from sidecar.providers.grok.provider import Grok
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.scripted import Reply
from tests.helpers.simulated import NOW_MS
from tests.providers.conformance.batch_vendor import ANSWER, BatchVendor, Price, RowEnd, said

_NUMBERS = {
    "new": {"num_requests": 1, "num_pending": 1},
    "running": {"num_requests": 1, "num_pending": 1},
    "done": {"num_requests": 1, "num_success": 1},
    "failed": {"num_requests": 1, "num_error": 1},
}


class GrokBatches(BatchVendor):
    name = "grok batches"
    provider = "grok"
    model = "grok-4.3"
    address = "https://api.x.ai/v1/"
    simulated_path = "/xai/v1"
    words = ("processing", "processing", "completed", "completed", "completed")
    completed = (0, 2, 4, 4, 4)
    expired_word = "expired"
    cancelled_word = "cancelled"
    foreign_file = "batch_of_another_team"
    tells = frozenset({"cancelled"})
    # The error of a row is a text without a number.
    wrong_row = "provider_unavailable"
    tells_the_end = False
    ends_with_a_line = False
    brief: ClassVar = ("grok-4.3", {"effort": "none"})
    # A fifth less than alone, cached input included.
    prices = tuple(
        Price(model, "1", "0.16", "2")
        for model in ("grok-4.3", "grok-4.20-0309-reasoning", "grok-4.20-0309-non-reasoning")
    )
    lacks: ClassVar = {
        "search": "its batches take chat completions only",
        "thought": "no model has a switch for it",
    }
    gaps: ClassVar = {
        "test_a_create_whose_answer_makes_no_sense_may_have_happened": "its answer says nothing but yes",
        "test_of_several_batches_of_a_part_the_one_that_did_not_fail_is_ours": "no batch fails as a whole",
        "test_of_several_batches_of_a_part_that_run_those_that_are_not_ours_are_told": "a part knows its container",
        "test_a_row_that_never_ran_is_told_apart": "it is told in another list than the results",
    }

    def make(self, http: HttpClient, base_url: str) -> BatchAdapter:
        return GrokBatch(http, base_url)

    def planner(self) -> Provider:
        return Grok(HttpClient(), self.address)

    @property
    def lone(self) -> BatchPart:
        return BatchPart("part-1", self.model, [b'{"batch_request_id":"a"}'], ["a"], NOW_MS, "batch_1")

    def batch(self, id_: str, state: Literal["new", "running", "done", "failed"], tag: str = "part-1") -> Any:
        return {"batch_id": id_, "name": tag, "state": _NUMBERS[state]}

    def page(self, *listed: Any, more: bool = False) -> Any:
        return {"batches": list(listed), **({"pagination_token": "again"} if more else {})}

    def row(self, id_: str, ended: RowEnd) -> Any:
        if ended == "stray":
            return {"batch_request_id": 3}
        if ended == "answer":
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER},
                "finish_reason": "stop",
            }
            reply = {"id": "r1", "model": self.model, "choices": [choice]}
            return {"batch_request_id": id_, "batch_result": {"response": {"chat_get_completion": reply}}}
        return {"batch_request_id": id_, "batch_result": {"error": "It broke."}}

    def results(self, *rows: Any) -> tuple[BatchState, bytes]:
        return BatchState("batch_1", "completed", True, True), json.dumps({"results": list(rows)}).encode()

    def created(self) -> Reply:
        return said({})
