"""OpenAI's batches: a file of lines, a batch of it, and files of results."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sidecar.providers.base import Provider
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchState
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.openai.batch import OpenAIBatch
from sidecar.providers.openai.provider import OpenAI
from tests.helpers.simulated import NOW_MS
from tests.providers.conformance.batch_vendor import ANSWER, BatchVendor, Price, RowEnd, json_lines, since_s

_STATUS = {"new": "validating", "running": "in_progress", "done": "completed", "failed": "failed"}


class OpenAIBatches(BatchVendor):
    name = "openai batches"
    provider = "openai"
    model = "gpt-5"
    address = "https://api.openai.com/v1/"
    simulated_path = "/v1"
    words = ("validating", "in_progress", "finalizing", "completed", "completed")
    completed = (0, 2, 4, 4, 4)
    expired_word = "expired"
    cancelled_word = "cancelled"
    foreign_file = "file-of-another-project"
    brief: ClassVar = ("gpt-4o", {})
    # gpt-4o has no cached rate in batches: the standard one holds. The first two charge nothing for a write.
    prices = (
        Price("gpt-5", "0.625", "0.0625", "5"),
        Price("gpt-4o", "1.25", "1.25", "5"),
        Price("gpt-6.1-sol", "1", "0.05", "5", written="1.25"),
    )
    lacks: ClassVar = {"thought": "its thinking is not shown"}

    def make(self, http: HttpClient, base_url: str) -> BatchAdapter:
        return OpenAIBatch(http, base_url)

    def planner(self) -> Provider:
        return OpenAI(HttpClient(), self.address)

    @property
    def lone(self) -> BatchPart:
        return BatchPart("part-1", self.model, [b'{"custom_id":"a"}'], ["a"], NOW_MS, "file-1")

    def batch(self, id_: str, state: Literal["new", "running", "done", "failed"], tag: str = "part-1") -> Any:
        metadata = {"abai_part": tag}
        return {"id": id_, "status": _STATUS[state], "created_at": since_s(), "metadata": metadata}

    def page(self, *listed: Any, more: bool = False) -> Any:
        return {"object": "list", "data": list(listed), "has_more": more}

    def row(self, id_: str, ended: RowEnd) -> Any:
        if ended == "stray":
            return {"no": "id"}
        if ended == "answer":
            part = {"type": "output_text", "text": ANSWER}
            output = [{"type": "message", "content": [part]}]
            body = {"object": "response", "status": "completed", "model": self.model, "output": output}
            return {"custom_id": id_, "response": {"status_code": 200, "body": body}}
        code = "server_error" if ended == "error" else f"batch_{ended}"
        return {"custom_id": id_, "response": None, "error": {"code": code, "message": "It broke."}}

    def results(self, *rows: Any) -> tuple[BatchState, bytes]:
        ended = BatchState("batch_1", "completed", True, True, handles={"output_file_id": "file-2"})
        return ended, json_lines(rows)
