"""OpenAI's batches on the vendor's side of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.simulator.batch_service import BatchService, SimBatch, SimRow
from sidecar.simulator.bodies import mapping, read_json
from sidecar.simulator.exchange import HttpReply, Refusal, Refused, SimRequest
from sidecar.simulator.openai.files import OpenAIFile, OpenAIFiles, page
from sidecar.simulator.openai_family.routes import CHAT_PATH, RESPONSES_PATH

PATH = "/v1/batches"
ENDPOINTS = (CHAT_PATH, RESPONSES_PATH)
LARGEST_ROWS = 50_000
DAY_SECONDS = 24 * 3_600


@dataclass(frozen=True, slots=True)
class Problem:
    """What validation finds in one line of the input; `line` counts from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    def wire(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "param": self.param, "line": self.line}


class OpenAIBatches:
    """A `BatchRoutes`."""

    def __init__(self, service: BatchService) -> None:
        self._service = service
        self._files = OpenAIFiles(service.now_ms)

    def answer(self, path: str, request: SimRequest, serial: str) -> HttpReply | None:
        """None for a path that is none of the batch API's. Raises Refused and ConnectionCut."""
        if path == PATH:
            return self._create(request, serial) if request.method == "POST" else self._list(request)
        if not path.startswith(f"{PATH}/"):
            return self._files.answer(path, request, serial)
        id_, _, rest = path.removeprefix(f"{PATH}/").partition("/")
        batch = self._service.find(id_)
        if batch is None:
            raise Refused(Refusal(404, f"No batch found with id '{id_}'."))
        if rest == "cancel" and request.method == "POST":
            if batch.stage == "ended":
                raise Refused(
                    Refusal(409, f"Cannot cancel a batch with status '{status_of(batch)}'.", code="conflict")
                )
            self._service.cancel(batch)
        else:
            self._service.look(batch)
        return self._reply(batch)

    def _create(self, request: SimRequest, serial: str) -> HttpReply:
        body = mapping(
            read_json(request.body, Refusal(400, "We could not parse the JSON body of your request."))
        )
        endpoint, metadata = body.get("endpoint"), body.get("metadata") or {}
        file = self._files.get(str(body.get("input_file_id")))
        if body.get("completion_window") != "24h":
            raise Refused(Refusal(400, "Invalid value: expected '24h'.", param="completion_window"))
        if endpoint not in ENDPOINTS:
            raise Refused(Refusal(400, f"Invalid value: '{endpoint}'.", param="endpoint"))
        if file is None or file.purpose != "batch":
            raise Refused(Refusal(400, f"Invalid file: {body.get('input_file_id')}.", param="input_file_id"))
        if len(metadata) > 16 or any(len(key) > 64 or len(metadata[key]) > 512 for key in metadata):
            raise Refused(Refusal(400, "Invalid metadata: at most 16 pairs.", param="metadata"))
        rows, problems = self._read(file, endpoint)
        tag = ",".join(str(value) for value in metadata.values()) or file.name
        about = {"endpoint": endpoint, "input_file_id": file.id, "metadata": metadata or None}
        return self._reply(self._service.create(f"batch_{serial}", tag, rows, problems=problems, about=about))

    def _list(self, request: SimRequest) -> HttpReply:
        return HttpReply(
            page(self._service.newest_first(), {"limit": "20", **request.query}, 100, self._wire)
        )

    def _read(self, file: OpenAIFile, endpoint: str) -> tuple[list[SimRow], list[Problem]]:
        """The rows of the input, and what is wrong with it: one bad line fails the whole batch."""
        rows: list[SimRow] = []
        problems: list[Problem] = []
        seen: set[str] = set()
        model = None
        lines = file.content.splitlines()
        for number, line in enumerate(lines, 1):
            try:
                value = mapping(orjson.loads(line))
            except ValueError:
                problems.append(
                    Problem("invalid_json_line", "This line is not parseable as valid JSON.", number)
                )
                continue
            body = mapping(value.get("body"))
            model = model or body.get("model")
            problem = self._problem(value, body, endpoint, model, seen)
            if problem is not None:
                code, message, param = problem
                problems.append(Problem(code, message, number, param))
                continue
            seen.add(value["custom_id"])
            rows.append(SimRow(value["custom_id"], endpoint, body))
        if not lines:
            problems.append(Problem("empty_file", "The input file is empty."))
        if len(lines) > LARGEST_ROWS:
            problems.append(Problem("too_many_tasks", f"A batch takes at most {LARGEST_ROWS} requests."))
        return rows, problems

    def _problem(
        self, value: Mapping[str, Any], body: Mapping[str, Any], endpoint: str, model: Any, seen: set[str]
    ) -> tuple[str, str, str] | None:
        """Code, message and parameter."""
        custom_id = value.get("custom_id")
        if not isinstance(custom_id, str) or not custom_id:
            return "missing_required_parameter", "Missing required parameter: 'custom_id'.", "custom_id"
        if custom_id in seen:
            return "duplicate_custom_id", f"The custom_id '{custom_id}' is used twice.", "custom_id"
        if value.get("method") != "POST":
            return "invalid_method", "Only POST is supported.", "method"
        if value.get("url") != endpoint:
            return "invalid_url", f"The URL does not match the batch endpoint {endpoint}.", "url"
        if not isinstance(body.get("model"), str):
            return "missing_required_parameter", "Missing required parameter: 'model'.", "body.model"
        if body["model"] != model:
            return "mismatched_model", "All requests of a batch must have the same model.", "body.model"
        if not self._service.model_exists(body["model"]):
            return "model_not_found", f"The model `{body['model']}` does not exist.", "body.model"
        if body.get("stream"):
            return "streaming_unsupported", "Streaming is not supported in batches.", "body.stream"
        return None

    def _reply(self, batch: SimBatch) -> HttpReply:
        return HttpReply(orjson.dumps(self._wire(batch)))

    def _wire(self, batch: SimBatch) -> dict[str, Any]:
        created_s = batch.created_at // 1000
        status = status_of(batch)
        stages = {
            "in_progress_at": batch.running_at,
            "finalizing_at": batch.finishing_at,
            "cancelling_at": batch.cancelling_at,
            **{
                f"{ending}_at": batch.ended_at if batch.ending == ending else None
                for ending in ("completed", "failed", "expired", "cancelled")
            },
        }
        problems = [problem.wire() for problem in batch.problems] or [
            Problem("invalid_request", "The batch failed, as the simulator was told to.").wire()
        ]
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": batch.about["endpoint"],
            "errors": {"object": "list", "data": problems} if status == "failed" else None,
            "input_file_id": batch.about["input_file_id"],
            "completion_window": "24h",
            "status": status,
            "output_file_id": self._results(batch, "output"),
            "error_file_id": self._results(batch, "error"),
            "created_at": created_s,
            "expires_at": created_s + DAY_SECONDS,
            **{name: None if at is None else at // 1000 for name, at in stages.items()},
            "request_counts": {
                # Nothing is counted before the file was found to be right, nor when it was not.
                "total": 0 if status in ("validating", "failed") else len(batch.rows),
                "completed": batch.count("finished"),
                "failed": batch.count("failed"),
            },
            "usage": _usage(batch) if status != "failed" else None,
            "metadata": batch.about["metadata"],
        }

    def _results(self, batch: SimBatch, which: str) -> str | None:
        """The id of the file with the answers or with everything else; None where there is nothing for it."""
        wanted = [row for row in batch.shuffled() if (row.state == "finished") == (which == "output")]
        if batch.stage != "ended" or batch.ending == "failed" or not wanted:
            return None
        id_ = f"file-{which}-{batch.id.removeprefix('batch_')}"
        if self._files.get(id_) is None:
            content = b"".join(orjson.dumps(_line(batch, row)) + b"\n" for row in wanted)
            self._files.put(id_, f"{batch.id}_{which}.jsonl", "batch_output", content)
        return id_


def status_of(batch: SimBatch) -> str:
    """The vendor's word for where a batch is."""
    return batch.ending or {"running": "in_progress", "finishing": "finalizing"}.get(batch.stage, batch.stage)


def _line(batch: SimBatch, row: SimRow) -> dict[str, Any]:
    line: dict[str, Any] = {"id": f"batch_req_{row.custom_id}", "custom_id": row.custom_id}
    if row.state in ("expired", "cancelled"):
        message = f"This request could not be executed before the batch {row.state}."
        return {**line, "response": None, "error": {"code": f"batch_{row.state}", "message": message}}
    response = {
        "status_code": row.status,
        "request_id": f"req_{batch.id}_{row.custom_id}",
        "body": orjson.loads(row.answer),
    }
    return {**line, "response": response, "error": None}


def _usage(batch: SimBatch) -> dict[str, Any]:
    used = [row.usage for row in batch.rows if row.usage is not None]
    read, written = sum(usage.prompt_total for usage in used), sum(usage.out_total for usage in used)
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": sum(usage.cache_read for usage in used)},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": sum(usage.out_reasoning for usage in used)},
        "total_tokens": read + written,
    }
