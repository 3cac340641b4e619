"""Jobs and their rows as objects of the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sidecar.batch.submit import Appraisal
from sidecar.batch.telling import Progress
from sidecar.methods import wire
from sidecar.store.job_records import Job, JobRow


def job(record: Job, native: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A BatchJob. `native` are its parts at a vendor, as NativeBatch."""
    optional = {
        "estimate": None if record.estimate is None else {k: float(v) for k, v in record.estimate.items()},
        "startedAt": record.started_at,
        "completedAt": record.completed_at,
        "native": [dict(part) for part in native] or None,
        "error": record.error,
    }
    return {
        "id": record.id,
        "projectId": record.project_id,
        "fileName": record.file_name,
        "mode": record.mode,
        "status": record.status,
        "totalRows": max(0, record.total_rows),
        "completedRows": max(0, record.completed_rows),
        "failedRows": max(0, record.failed_rows),
        "totalCost": float(record.cost_usd),
        "createdAt": record.created_at,
    } | wire.present(optional)


def row(record: JobRow) -> dict[str, Any]:
    """A BatchResult."""
    request = record.request or {}
    data = request.get("data") if record.request is not None else record.data
    optional = {
        "response": record.response,
        "error": record.error_kind,
        "errorMessage": record.error_message,
        "data": data if isinstance(data, dict) else None,
    }
    return {
        "id": str(request.get("id") or record.id.removeprefix(f"{record.job_id}/")),
        "rowIndex": max(0, record.row_index),
        "prompt": record.prompt,
        "model": str(request.get("model") or record.model or ""),
        "status": record.status,
        "tokens_in": max(0, record.tokens_in or 0),
        "tokens_out": max(0, record.tokens_out or 0),
        "cost_usd": _cost(record),
        "latency_ms": max(0, record.latency_ms or 0),
        "attempts": max(0, record.attempts),
    } | wire.present(optional)


def progress(told: Progress) -> dict[str, Any]:
    """A BatchProgressNotification."""
    speed = told.speed
    optional = {
        "etaSeconds": None if speed.eta_seconds is None else round(speed.eta_seconds, 1),
        "rowsPerSecond": None if speed.rows_per_second is None else round(speed.rows_per_second, 2),
    }
    return {
        "jobId": told.job.id,
        "status": told.job.status,
        "completedRows": told.job.completed_rows,
        "failedRows": told.job.failed_rows,
        "totalRows": told.job.total_rows,
        "percentage": told.percentage,
        "costUSD": float(told.job.cost_usd),
    } | wire.present(optional)


def row_done(job_id: str, record: JobRow) -> dict[str, Any]:
    """A BatchRowDoneNotification."""
    return {"jobId": job_id, "result": row(record)}


def estimate(found: Appraisal) -> dict[str, Any]:
    """A BatchEstimateResult."""
    total = found.total
    return {
        "totalUSD": float(total.expected_usd),
        "lowUSD": float(total.low_usd),
        "highUSD": float(total.high_usd),
        "perRow": [
            {"id": row_id, "tokens_in": each.tokens_in, "est_cost": float(each.expected_usd)}
            for row_id, each in found.rows
            if each.expected_usd is not None
        ],
        "unpriced": [row_id for row_id, each in found.rows if each.expected_usd is None],
    } | wire.present({"nativeUSD": None if total.native_usd is None else float(total.native_usd)})


def _cost(record: JobRow) -> float | None:
    """What is known of it; nothing for a row that never left, null for one whose cost nobody knows."""
    if record.cost_usd is not None:
        return max(0.0, float(record.cost_usd))
    return 0.0 if record.attempts == 0 and record.request is not None else None
