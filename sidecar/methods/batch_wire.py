"""Jobs and their rows as objects of the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from sidecar.batch.estimate import Estimate, ExecutionOption, Sum
from sidecar.batch.progress import Progress
from sidecar.methods import batch_safeguard, wire
from sidecar.store.job_records import Job, JobRow
from sidecar.store.verdicts import Counted

_NOTHING = Decimal(0)


def job(record: Job, native: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A BatchJob. `native` are its parts at a vendor, as NativeBatch."""
    optional = {
        "estimate": _estimate(record),
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
        **wire.bounds(record.uncertain, record.cost_usd),
        **({} if record.safeguard is None else batch_safeguard.shown(record.safeguard)),
    } | wire.present(optional)


def row(record: JobRow) -> dict[str, Any]:
    """A BatchResult."""
    request = record.request or {}
    # Of a row whose cost is not known, one attempt may be settled all the same.
    settled = record.cost_usd if record.uncertain.calls and record.cost_usd else None
    data = request.get("data") if record.request is not None else record.data
    optional = {
        "settledUSD": None if settled is None or settled < 0 else float(settled),
        "response": record.response,
        "error": record.error_kind,
        "errorMessage": record.error_message,
        "checks": list(record.verdicts) if record.verdicts is not None else None,
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
        "cost_usd": None if record.known_usd is None else float(record.known_usd),
        "latency_ms": max(0, record.latency_ms or 0),
        "attempts": max(0, record.attempts),
        **wire.bounds(record.uncertain, max(record.cost_usd or _NOTHING, _NOTHING)),
    } | wire.present(optional)


def check_count(counted: Counted) -> dict[str, Any]:
    """A BatchCheckCount."""
    return {
        "name": counted.check,
        "model": counted.model,
        "passed": counted.passed,
        "judged": counted.judged,
    }


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
        **({} if told.job.uncertain.calls else {"costUSD": float(told.job.cost_usd)}),
        **wire.bounds(told.job.uncertain, told.job.cost_usd),
        **({} if told.job.safeguard is None else batch_safeguard.shown(told.job.safeguard)),
    } | wire.present(optional)


def row_done(job_id: str, record: JobRow) -> dict[str, Any]:
    """A BatchRowDoneNotification."""
    return {"jobId": job_id, "result": row(record)}


def estimate(found: Estimate) -> dict[str, Any]:
    """A BatchEstimateResult."""
    native = found.total.native_usd
    return {
        **_range(found.total.local),
        "perRow": [
            {"id": row_id, "tokens_in": each.tokens_in, "est_cost": float(each.local.expected_usd)}
            for row_id, each in found.rows
            if each.local is not None
        ],
        "unpriced": list(found.unpriced),
        "ways": [_way(way, reusing=bool(found.answered)) for way in found.ways],
        "answered": list(found.answered),
        "assumptions": list(found.assumptions),
    } | wire.present(
        {
            "nativeUSD": None if native is None else float(native),
            "unfilled": [{"id": row_id, "message": message} for row_id, message in found.unfilled] or None,
        }
    )


def counts(found: Estimate) -> dict[str, Any]:
    """How many rows an estimate is of, where its lists may be cut."""
    of = found.counts
    counted = {
        "rows": of.rows,
        "answered": of.answered,
        "unpriced": of.unpriced,
        "unfilled": of.unfilled,
    }
    return {"counts": counted}


def _way(way: ExecutionOption, *, reusing: bool) -> dict[str, Any]:
    optional = {
        "provider": way.provider,
        "reusingUSD": float(way.sum.reusing_usd) if reusing else None,
        "withinHours": way.within_hours,
    }
    return {"mode": way.mode, "rows": way.sum.rows, **_range(way.sum)} | wire.present(optional)


def _range(sum_: Sum) -> dict[str, float]:
    return {
        "totalUSD": float(sum_.expected_usd),
        "lowUSD": float(sum_.low_usd),
        "highUSD": float(sum_.high_usd),
    }


def _estimate(record: Job) -> dict[str, float] | None:
    """What the job was thought to cost and, once it is completed, by how much that was wrong."""
    if record.estimate is None:
        return None
    told = {name: float(usd) for name, usd in record.estimate.items()}
    if record.status == "completed" and not record.uncertain.calls:
        # A vendor's batch was expected to cost what its rate makes of it.
        way = "nativeUSD" if record.mode == "native" and "nativeUSD" in record.estimate else "totalUSD"
        told["differenceUSD"] = float(record.cost_usd - Decimal(record.estimate[way]))
    return told
