"""Anthropic's message batches on the vendor's side of the wire."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson

from sidecar.simulator.anthropic.errors import error_body
from sidecar.simulator.anthropic.request import parse
from sidecar.simulator.batch_service import BatchService, SimBatch, SimRow
from sidecar.simulator.bodies import page_size, utc_text
from sidecar.simulator.exchange import HttpReply, Refusal, Refused, SimRequest

PATH = "/v1/messages/batches"
MESSAGES = "/v1/messages"
LARGEST_ROWS = 100_000
DAY_MS = 24 * 3_600 * 1_000
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class AnthropicBatches:
    """A `BatchRoutes`. A batch has neither a name nor a mark of its client's."""

    def __init__(self, service: BatchService) -> None:
        self._service = service
        self._deleted: set[str] = set()

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """None for a path that is none of the batch API's. Raises Refused and ConnectionCut."""
        if path == PATH:
            return self._create(request, serial) if request.method == "POST" else self._list(request)
        if not path.startswith(f"{PATH}/"):
            return None
        id_, _, rest = path.removeprefix(f"{PATH}/").partition("/")
        batch = None if id_ in self._deleted else self._service.find(id_)
        if batch is None:
            raise Refused(Refusal(404, f"message batch {id_} was not found"))
        if rest == "results":
            return HttpReply(_results(batch), "application/x-jsonl")
        if request.method == "DELETE":
            if batch.stage != "ended":
                raise Refused(Refusal(400, "A batch can be deleted only after it has ended"))
            self._deleted.add(id_)
            return HttpReply(orjson.dumps({"id": id_, "type": "message_batch_deleted"}))
        if rest == "cancel" and request.method == "POST":
            if batch.stage == "ended":
                raise Refused(Refusal(400, f"Batch {id_} cannot be canceled because it has ended"))
            self._service.cancel(batch)
        else:
            self._service.look(batch)
        return self._reply(batch, request)

    def _create(self, request: SimRequest, serial: str) -> HttpReply:
        given = parse(request.body).get("requests")
        if not isinstance(given, list) or not given:
            raise Refused(Refusal(400, "requests: Field required"))
        if len(given) > LARGEST_ROWS:
            raise Refused(Refusal(413, f"requests: at most {LARGEST_ROWS} are taken"))
        rows = [_row(number, one) for number, one in enumerate(given)]
        ids = [row.custom_id for row in rows]
        if len(set(ids)) != len(ids):
            raise Refused(Refusal(400, "requests: custom_id must be unique"))
        tag = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
        return self._reply(self._service.create(f"msgbatch_{serial}", tag, rows), request)

    def _list(self, request: SimRequest) -> HttpReply:
        """A page, newest first, after one batch or before one."""
        query = request.query
        batches = [batch for batch in self._service.newest_first() if batch.id not in self._deleted]
        ids = [batch.id for batch in batches]
        most = page_size(query, usual=20, most=1_000)
        if query.get("before_id") in ids:
            before = batches[: ids.index(query["before_id"])]
            shown, more = before[-most:], len(before) > most
        else:
            start = ids.index(query["after_id"]) + 1 if query.get("after_id") in ids else 0
            shown, more = batches[start : start + most], len(batches) > start + most
        return HttpReply(
            orjson.dumps(
                {
                    "data": [_wire(batch, request) for batch in shown],
                    "has_more": more,
                    "first_id": shown[0].id if shown else None,
                    "last_id": shown[-1].id if shown else None,
                }
            )
        )

    def _reply(self, batch: SimBatch, request: SimRequest) -> HttpReply:
        return HttpReply(orjson.dumps(_wire(batch, request)))


def _row(number: int, given: Any) -> SimRow:
    place = f"requests.{number}"
    if not isinstance(given, Mapping) or not isinstance(given.get("params"), Mapping):
        raise Refused(Refusal(400, f"{place}.params: Field required"))
    custom_id, params = given.get("custom_id"), given["params"]
    if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
        raise Refused(Refusal(400, f"{place}.custom_id: String should match pattern '{_CUSTOM_ID.pattern}'"))
    for member in ("stream", "speed"):
        if params.get(member):
            raise Refused(Refusal(400, f"{place}.params.{member}: not supported in batches"))
    # What else is wrong with it is found when the row runs.
    return SimRow(custom_id, MESSAGES, params)


def _wire(batch: SimBatch, request: SimRequest) -> dict[str, Any]:
    ended = batch.stage == "ended"
    cancelling = batch.stage == "cancelling"
    host = request.headers.get("host", "localhost")
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if ended else "canceling" if cancelling else "in_progress",
        # Until the end everything counts as being processed.
        "request_counts": {
            "processing": 0 if ended else len(batch.rows),
            "succeeded": batch.count("finished") if ended else 0,
            "errored": batch.count("failed", "waiting") if ended else 0,
            "canceled": batch.count("cancelled") if ended else 0,
            "expired": batch.count("expired") if ended else 0,
        },
        "created_at": utc_text(batch.created_at),
        "expires_at": utc_text(batch.created_at + DAY_MS),
        "ended_at": None if batch.ended_at is None else utc_text(batch.ended_at),
        "cancel_initiated_at": None if batch.cancelling_at is None else utc_text(batch.cancelling_at),
        "archived_at": None,
        "results_url": f"http://{host}/anthropic{PATH}/{batch.id}/results" if ended else None,
    }


def _results(batch: SimBatch) -> bytes:
    if batch.stage != "ended":
        raise Refused(Refusal(404, f"Batch {batch.id} has no available results yet"))
    lines = ({"custom_id": row.custom_id, "result": _result(row)} for row in batch.shuffled())
    return b"".join(orjson.dumps(line) + b"\n" for line in lines)


def _result(row: SimRow) -> dict[str, Any]:
    if row.state == "finished":
        message = orjson.loads(row.answer)
        message["usage"]["service_tier"] = "batch"
        return {"type": "succeeded", "message": message}
    if row.state == "cancelled":
        return {"type": "canceled"}
    if row.state == "expired":
        return {"type": "expired"}
    # A batch as a whole cannot fail here: where that was ordered, every row has.
    error = orjson.loads(row.answer) if row.answer else error_body(Refusal(500, "Internal server error"))
    return {"type": "errored", "error": error}
