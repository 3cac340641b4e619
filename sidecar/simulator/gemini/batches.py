"""Gemini's batches on the vendor's side of the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sidecar.simulator.batch_service import BatchService, SimBatch, SimRow
from sidecar.simulator.bodies import mapping, page_size, read_json, utc_text
from sidecar.simulator.exchange import HttpReply, Refusal, Refused, SimRequest
from sidecar.simulator.gemini.errors import invalid
from sidecar.simulator.gemini.files import GeminiFiles
from sidecar.simulator.gemini.spelling import in_camel_case

LARGEST_INLINE_BYTES = 20_971_520
MOST_AT_ONCE = 100
PAGE = 50

_CREATE = re.compile(r"/(v1(?:beta|alpha)?)/models/([^/:]+):batchGenerateContent")
_BATCHES = re.compile(r"/v1(?:beta|alpha)?/batches(?:/([^/:]+))?(:cancel)?")
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"
_ENDINGS = {
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "expired": "EXPIRED",
    "cancelled": "CANCELLED",
}
# What the rows of a result carry are gRPC's numbers.
_GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 499: 1, 500: 13, 503: 14, 504: 4}


class GeminiBatches:
    """A `BatchRoutes`. With `partial_results` a batch that was stopped early hands out what it had done."""

    def __init__(self, service: BatchService, *, partial_results: bool) -> None:
        self._service = service
        self._partial_results = partial_results
        self._files = GeminiFiles(service.now_ms)
        self._deleted: set[str] = set()

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """None for a path that is none of the batch API's. Raises Refused and ConnectionCut."""
        create = _CREATE.fullmatch(path)
        if create is not None:
            return self._create(create[1], create[2], request, serial)
        found = _BATCHES.fullmatch(path)
        if found is None:
            return self._files.answer(path, request, serial)
        id_, cancel = found.groups()
        if id_ is None:
            return self._list(request.query)
        batch = None if id_ in self._deleted else self._service.find(f"batches/{id_}")
        if batch is None:
            raise Refused(Refusal(404, "Requested entity was not found."))
        if request.method == "DELETE":
            self._deleted.add(id_)
            return HttpReply(b"{}")
        if cancel:
            if batch.stage == "ended":
                raise invalid("The batch cannot be cancelled: it has ended.")
            self._service.cancel(batch)
            return HttpReply(b"{}")
        self._service.look(batch)
        return HttpReply(orjson.dumps(self._wire(batch)))

    def _create(self, version: str, model: str, request: SimRequest, serial: str) -> HttpReply:
        """A line that is wrong fails the creation, and nothing is created."""
        body = mapping(read_json(request.body, Refusal(400, "Invalid JSON payload received.")))
        batch = in_camel_case(mapping(body.get("batch")))
        if not self._service.model_exists(model):
            raise Refused(Refusal(404, f"models/{model} is not found for API version {version}."))
        running = sum(one.stage != "ended" for one in self._service.newest_first())
        if running >= MOST_AT_ONCE:
            raise Refused(Refusal(429, "You exceeded the number of batches that may run at once."))
        config = in_camel_case(mapping(batch.get("inputConfig")))
        given = mapping(config.get("requests")).get("requests")
        inline = isinstance(given, list)
        if inline and len(request.body) > LARGEST_INLINE_BYTES:
            raise invalid("Request payload size exceeds the limit: 20971520 bytes.")
        lines = given if inline else self._read(str(config.get("fileName")))
        path = f"/{version}/models/{model}:generateContent"
        rows = [_row(number, line, path) for number, line in enumerate(lines or ())]
        if not rows:
            raise invalid("* BatchGenerateContentRequest.batch.input_config: no requests are given")
        if len({row.custom_id for row in rows}) != len(rows):
            raise invalid("The keys of the requests are not unique.")
        name = str(batch.get("displayName") or "")
        about = {"model": f"models/{model}", "name": name, "inline": inline}
        return HttpReply(
            orjson.dumps(self._wire(self._service.create(f"batches/{serial}", name, rows, about=about)))
        )

    def _read(self, file_name: str) -> list[Any]:
        file = self._files.get(file_name)
        if file is None:
            raise Refused(Refusal(404, f"File {file_name} was not found."))
        try:
            return [orjson.loads(line) for line in bytes(file.content).splitlines() if line.strip()]
        except ValueError:
            raise invalid(f"File {file_name} has a line that is not JSON.") from None

    def _list(self, query: Mapping[str, str]) -> HttpReply:
        """A page, newest first; its token is the name of the last one on it."""
        batches = [
            batch
            for batch in self._service.newest_first()
            if batch.id.removeprefix("batches/") not in self._deleted
        ]
        names = [batch.id for batch in batches]
        token = query.get("pageToken", "")
        if token and token not in names:
            raise invalid("The page token is invalid.")
        start = names.index(token) + 1 if token else 0
        shown = batches[start : start + page_size(query, name="pageSize", usual=PAGE)]
        page: dict[str, Any] = {"operations": [self._wire(batch) for batch in shown]} if shown else {}
        if shown and shown[-1].id != names[-1]:
            page["nextPageToken"] = shown[-1].id
        return HttpReply(orjson.dumps(page))

    def _wire(self, batch: SimBatch) -> dict[str, Any]:
        state = _ENDINGS[batch.ending] if batch.ending else "PENDING"
        if batch.stage in ("running", "finishing", "cancelling"):
            state = "RUNNING"
        times = {
            "createTime": batch.created_at,
            "updateTime": self._service.now_ms(),
            "endTime": batch.ended_at,
        }
        metadata: dict[str, Any] = {
            "@type": _TYPE,
            "model": batch.about["model"],
            "displayName": batch.about["name"],
            **{name: utc_text(ms) for name, ms in times.items() if ms is not None},
            "batchStats": _stats(batch),
            "state": f"BATCH_STATE_{state}",
            "name": batch.id,
        }
        operation: dict[str, Any] = {"name": batch.id, "metadata": metadata}
        if batch.stage != "ended":
            return operation
        operation["done"] = True
        output = self._output(batch)
        if output is not None:
            metadata["output"] = output
            operation["response"] = {"@type": f"{_TYPE}Output", **output}
        if batch.ending == "failed":
            message = "The batch failed, as the simulator was told to."
            operation["error"] = {"code": _GRPC[500], "message": message}
        return operation

    def _output(self, batch: SimBatch) -> dict[str, Any] | None:
        """A file of results has them in any order; inside the operation they are in that of the input."""
        if batch.ending == "failed" or (batch.ending != "completed" and not self._partial_results):
            return None
        if batch.about["inline"]:
            results = [{**_result(row), "metadata": {"key": row.custom_id}} for row in _told(batch.rows)]
            return {"inlinedResponses": {"inlinedResponses": results}}
        name = f"files/batch-{batch.id.removeprefix('batches/')}"
        if self._files.get(name) is None:
            lines = [{"key": row.custom_id, **_result(row)} for row in _told(batch.shuffled())]
            self._files.put_results(name, b"".join(orjson.dumps(line) + b"\n" for line in lines))
        return {"responsesFile": name}


def _row(number: int, line: Any, path: str) -> SimRow:
    value = mapping(line)
    request = value.get("request")
    key = value.get("key", mapping(value.get("metadata")).get("key", f"{number}"))
    if not isinstance(request, Mapping) or not request.get("contents"):
        raise invalid(f"* BatchGenerateContentRequest.requests[{number}].request: contents is not specified")
    # In the body of a batch the model stands once more; generateContent has it in its path alone.
    body = {name: member for name, member in request.items() if name != "model"}
    return SimRow(str(key), path, body)


def _told(rows: list[SimRow]) -> list[SimRow]:
    """Of what never ran, a cancelled row has no result and an expired one has an error: both are seen."""
    return [row for row in rows if row.state not in ("waiting", "cancelled")]


def _result(row: SimRow) -> dict[str, Any]:
    if row.state == "finished":
        return {"response": orjson.loads(row.answer)}
    if row.state == "expired":
        return {"error": {"code": _GRPC[504], "message": "The request expired before it was run."}}
    error = orjson.loads(row.answer)["error"]
    return {"error": {"code": _GRPC.get(row.status, _GRPC[500]), "message": error["message"]}}


def _stats(batch: SimBatch) -> dict[str, str]:
    """64-bit counts are text, and nought is left out."""
    stats = {
        "requestCount": len(batch.rows),
        "successfulRequestCount": batch.count("finished"),
        "failedRequestCount": batch.count("failed", "expired", "cancelled"),
        "pendingRequestCount": batch.count("waiting"),
    }
    return {name: str(count) for name, count in stats.items() if count}
