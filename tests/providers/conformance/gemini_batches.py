"""Gemini's batches: rows in an uploaded file."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sidecar.providers.base import Provider
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchState
from sidecar.providers.gemini.batch import GeminiBatch
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from tests.helpers.simulated import NOW_MS
from tests.providers.conformance.batch_vendor import ANSWER, BatchVendor, Price, RowEnd, json_lines

_STATE = {"new": "PENDING", "running": "RUNNING", "done": "SUCCEEDED", "failed": "FAILED"}
_CODES = {"error": 14, "expired": 4, "cancelled": 1}


class GeminiBatches(BatchVendor):
    name = "gemini batches"
    provider = "gemini"
    model = "gemini-3.8-flash"
    address = "https://generativelanguage.googleapis.com/"
    simulated_path = "/gemini"
    scripted_path = ""
    words = tuple(
        f"BATCH_STATE_{word}" for word in ("PENDING", "RUNNING", "RUNNING", "SUCCEEDED", "SUCCEEDED")
    )
    completed = (0, 2, 4, 4, 4)
    expired_word = "BATCH_STATE_EXPIRED"
    cancelled_word = "BATCH_STATE_CANCELLED"
    foreign_file = "files/of-another-project"
    tells = frozenset({"expired"})
    ends_with_a_line = True
    brief: ClassVar = ("gemini-2.5-flash", {"effort": "none"})
    prices = (
        Price("gemini-4-argon", "1", "0.05", "5"),
        Price("gemini-3.8-flash", "0.375", "0.0375", "1.875"),
        Price("gemini-3.5-flash-lite", "0.15", "0.02", "1.25"),
        Price("gemini-3.1-pro-preview", "1", "0.2", "6"),
        Price("gemini-2.5-flash-lite", "0.05", "0.01", "0.2"),
    )

    def make(self, http: HttpClient, base_url: str) -> BatchAdapter:
        return GeminiBatch(http, base_url)

    def planner(self) -> Provider:
        return Gemini(HttpClient(), self.address)

    @property
    def lone(self) -> BatchPart:
        return BatchPart("part-1", self.model, [b'{"key":"a","request":{}}'], ["a"], NOW_MS, "files/1")

    def batch(self, id_: str, state: Literal["new", "running", "done", "failed"], tag: str = "part-1") -> Any:
        metadata = {"state": f"BATCH_STATE_{_STATE[state]}", "displayName": tag}
        return {"name": id_ if "/" in id_ else f"batches/{id_}", "metadata": metadata}

    def page(self, *listed: Any, more: bool = False) -> Any:
        return {"operations": list(listed), **({"nextPageToken": "again"} if more else {})}

    def row(self, id_: str, ended: RowEnd) -> Any:
        if ended == "stray":
            return {"metadata": None}
        named = {"metadata": {"key": id_}}
        if ended == "answer":
            candidate = {"content": {"parts": [{"text": ANSWER}]}, "finishReason": "STOP"}
            return {**named, "response": {"candidates": [candidate], "modelVersion": self.model}}
        return {**named, "error": {"code": _CODES[ended], "message": "It broke."}}

    def word(self, rows: tuple[Any, ...]) -> str:
        codes = [row.get("error", {}).get("code") for row in rows]
        early = "EXPIRED" if 4 in codes else "CANCELLED" if 1 in codes else "SUCCEEDED"
        return f"BATCH_STATE_{early}"

    def results(self, *rows: Any) -> tuple[BatchState, bytes]:
        state = BatchState("batches/1", self.word(rows), True, True, handles={"responsesFile": "files/2"})
        return state, json_lines(rows)
