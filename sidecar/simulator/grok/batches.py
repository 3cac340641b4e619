"""xAI's batches on the vendor's side of the wire: containers with names, and rows that are added to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.batch_service import BatchService, SimBatch, SimRow
from sidecar.simulator.bodies import mapping, page_size, read_json, utc_text
from sidecar.simulator.exchange import HttpReply, Refusal, Refused, SimRequest
from sidecar.simulator.grok.errors import no_such_model
from sidecar.simulator.grok.usage import TICKS_PER_USD
from sidecar.simulator.openai_family.routes import CHAT_PATH

LARGEST_ADD_BYTES = 25_000_000
LONGEST_PAGE = 1_000
KEPT_MS = 30 * 24 * 3_600 * 1_000

_PATH = re.compile(r"/v1/batches(?:/([^/:]+)(:cancel|/requests|/results)?)?")
_STATES = {
    "waiting": "STATE_PENDING",
    "finished": "STATE_SUCCEEDED",
    "failed": "STATE_FAILED",
    "cancelled": "STATE_CANCELLED",
    # Nothing here expires by itself: what was not run is still to be.
    "expired": "STATE_PENDING",
}


@dataclass(slots=True)
class BatchContainer:
    """What a name was given to. `batch` is None until something is added; only then does anything run."""

    id: str
    name: str
    created_at: int
    cancelled_at: int | None = None
    batch: SimBatch | None = None

    @property
    def rows(self) -> list[SimRow]:
        return self.batch.rows if self.batch is not None else []


class GrokBatches:
    """A `BatchRoutes`."""

    def __init__(self, service: BatchService) -> None:
        self._service = service
        self._containers: dict[str, BatchContainer] = {}

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """None for a path that is none of the batch API's. Raises Refused and ConnectionCut."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        id_, rest = found.groups()
        posted = request.method == "POST"
        if id_ is None:
            return self._create(request, serial) if posted else self._list(request.query)
        container = self._containers.get(id_)
        if container is None:
            raise Refused(Refusal(404, f"Batch {id_} was not found."))
        if rest == "/results":
            return _page("results", [_result(row) for row in _by_id(container) if _ran(row)], request.query)
        if rest == "/requests":
            if posted:
                return self._add(container, request)
            stopped = container.batch is not None and container.batch.ending == "failed"
            rows = [_metadata(row, stopped) for row in _by_id(container)]
            return _page("batch_request_metadata", rows, request.query)
        if rest == ":cancel" and posted:
            container.cancelled_at = container.cancelled_at or self._service.now_ms()
            if container.batch is not None:
                self._service.cancel(container.batch)
        elif container.batch is not None:
            self._service.look(container.batch)
            if container.batch.stage == "finishing":
                # There is no word here for what has run and is not there yet.
                self._service.look(container.batch)
        return HttpReply(orjson.dumps(_wire(container)))

    def _create(self, request: SimRequest, serial: str) -> HttpReply:
        name = _read(request).get("name")
        if not isinstance(name, str) or not name:
            raise Refused(Refusal(422, "Failed to deserialize the JSON body: missing field `name`."))
        container = BatchContainer(f"batch_{serial}", name, self._service.now_ms())
        self._containers[container.id] = container
        return HttpReply(orjson.dumps(_wire(container)))

    def _list(self, query: Mapping[str, str]) -> HttpReply:
        # Those with a clock of their own are moved on.
        self._service.newest_first()
        return _page("batches", [_wire(one) for one in reversed(self._containers.values())], query)

    def _add(self, container: BatchContainer, request: SimRequest) -> HttpReply:
        """All of the rows, or none. Rows that are there already are left as they are."""
        if len(request.body) > LARGEST_ADD_BYTES:
            raise Refused(Refusal(413, "A call adds at most 25 MB."))
        if container.cancelled_at is not None:
            raise Refused(Refusal(403, f"Batch {container.id} was cancelled."))
        given = _read(request).get("batch_requests")
        if not isinstance(given, list) or not given:
            raise Refused(
                Refusal(422, "Failed to deserialize the JSON body: missing field `batch_requests`.")
            )
        there = {row.custom_id: row for row in container.rows}
        fresh: dict[str, SimRow] = {}
        for row in map(self._row, given):
            known = there.get(row.custom_id) or fresh.get(row.custom_id)
            if known is None:
                fresh[row.custom_id] = row
            elif known.body != row.body:
                raise Refused(
                    Refusal(412, f"Request {row.custom_id} is there already, with another content.")
                )
        rows = list(fresh.values())
        if container.batch is None:
            # Whatever becomes of the connection, the container knows what was added to it.
            try:
                self._service.create(container.id, container.name, rows)
            finally:
                container.batch = self._service.find(container.id)
        elif rows:
            container.batch.rows += rows
            container.batch.stage, container.batch.ending, container.batch.looks = "running", None, 0
        return HttpReply(b"{}")

    def _row(self, given: Any) -> SimRow:
        custom_id = mapping(given).get("batch_request_id")
        body = mapping(mapping(mapping(given).get("batch_request")).get("chat_get_completion"))
        if not isinstance(custom_id, str) or not custom_id or not body.get("messages"):
            raise Refused(
                Refusal(422, "Failed to deserialize the JSON body: a request needs its id and content.")
            )
        if body.get("stream"):
            raise Refused(Refusal(400, "Streaming is not supported in batches."))
        name = str(body.get("model"))
        model = self._service.model(name)
        if model is None:
            raise Refused(no_such_model(name))
        if "batch" not in model.features:
            raise Refused(Refusal(400, f"Model {name} is not supported for batch processing."))
        return SimRow(custom_id, CHAT_PATH, body)


def _read(request: SimRequest) -> Mapping[str, Any]:
    return mapping(read_json(request.body, Refusal(422, "Failed to deserialize the JSON body.")))


def _page(member: str, elements: Sequence[dict[str, Any]], query: Mapping[str, str]) -> HttpReply:
    """A page of a list; its token is how many came before the next one."""
    token = query.get("pagination_token", "")
    start = int(token) if token.isdigit() else 0
    end = start + page_size(query, usual=100, most=LONGEST_PAGE)
    page: dict[str, Any] = {member: elements[start:end]}
    return HttpReply(orjson.dumps({**page, "pagination_token": str(end)} if end < len(elements) else page))


def _wire(container: BatchContainer) -> dict[str, Any]:
    batch, rows = container.batch, container.rows
    ending = batch.ending if batch is not None else None
    expires_at = container.created_at + KEPT_MS
    if batch is not None and ending == "expired":
        expires_at = batch.ended_at or expires_at
    left = sum(row.state == "waiting" for row in rows)
    wire: dict[str, Any] = {
        "batch_id": container.id,
        "name": container.name,
        "create_time": utc_text(container.created_at),
        "expire_time": utc_text(expires_at),
        "create_api_key_id": "00000000-0000-4000-8000-000000000003",
        "state": {
            "num_requests": len(rows),
            "num_pending": (0 if ending == "failed" else left) + sum(row.state == "expired" for row in rows),
            "num_success": sum(row.state == "finished" for row in rows),
            "num_error": sum(row.state == "failed" for row in rows),
            "num_cancelled": sum(row.state == "cancelled" for row in rows)
            + (left if ending == "failed" else 0),
        },
    }
    if container.cancelled_at is not None:
        wire["cancel_time"] = utc_text(container.cancelled_at)
    if ending == "failed":
        wire["cancel_by_xai_message"] = "The batch failed, as the simulator was told to."
    ticks = [_ticks(row) for row in rows if row.state == "finished"]
    if ticks:
        costs = {"endpoint": CHAT_PATH, "cost_usd_ticks": sum(ticks), "request_count": len(ticks)}
        wire["cost_breakdown"] = {"total_cost_usd_ticks": sum(ticks), "endpoint_costs": [costs]}
    return wire


def _by_id(container: BatchContainer) -> list[SimRow]:
    return sorted(container.rows, key=lambda row: row.custom_id)


def _ran(row: SimRow) -> bool:
    return row.state in ("finished", "failed")


def _result(row: SimRow) -> dict[str, Any]:
    if row.state == "finished":
        reply = orjson.loads(row.answer)
        # A batch has its own price.
        reply["usage"]["cost_in_usd_ticks"] = _ticks(row)
        result: dict[str, Any] = {"response": {"chat_get_completion": reply}}
    else:
        result = {"error": orjson.loads(row.answer)["error"]}
    return {"batch_request_id": row.custom_id, "batch_result": result}


def _metadata(row: SimRow, stopped: bool) -> dict[str, Any]:
    state = "cancelled" if stopped and row.state == "waiting" else row.state
    return {
        "batch_request_id": row.custom_id,
        "endpoint": CHAT_PATH,
        "model": str(row.body.get("model")),
        "state": _STATES[state],
    }


def _ticks(row: SimRow) -> int:
    return int((row.charged_usd or 0) * TICKS_PER_USD)
