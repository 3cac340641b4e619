"""The part of batch:* that is about batches which a provider runs."""

from __future__ import annotations

from typing import Any

from sidecar.contract.types import batch as types
from sidecar.methods import batch_wire, wire
from sidecar.methods.services import Request
from sidecar.providers.batches import BatchState
from sidecar.store import vendor_batches
from sidecar.store.job_records import Job, VendorBatch


async def shown(call: Request, job: Job) -> dict[str, Any]:
    """A BatchJob, with its parts where a provider runs it."""
    if job.mode != "native":
        return batch_wire.job(job)
    found = await call.services.store.read(vendor_batches.of_job, job.id)
    return batch_wire.job(job, [_part(part) for part in found if part.native_id is not None])


async def status(call: Request, ref: types.NativeBatchRef) -> dict[str, Any]:
    """A NativeBatchStatus, as the provider says it now."""
    app = call.services
    state = await app.native.sent.status(ref.provider_name, ref.native_batch_id)
    known = await app.store.read(vendor_batches.by_native_id, ref.provider_name, ref.native_batch_id)
    return _status(state, known, app.now_ms())


async def results(call: Request, ref: types.NativeBatchRef) -> list[dict[str, Any]]:
    rows = await call.services.native.sent.results(ref.provider_name, ref.native_batch_id)
    return [batch_wire.row(row) | wire.present({"custom_id": row.custom_id}) for row in rows]


def _part(part: VendorBatch) -> dict[str, Any]:
    return {
        "provider": part.provider,
        "nativeBatchId": part.native_id,
        "status": part.vendor_status or "",
        "rows": part.rows,
    }


def _status(state: BatchState, known: VendorBatch | None, now: int) -> dict[str, Any]:
    submitted_at = known.submitted_at if known is not None else None
    total = state.total if state.total is not None else known.rows if known is not None else 0
    ended_at = (state.ended_at or now) if state.ended else None
    return {
        "id": state.native_id,
        "status": state.word,
        "request_counts": {"total": total, "completed": state.completed or 0, "failed": state.failed or 0},
        "created_at": state.created_at or submitted_at or now,
    } | wire.present(
        {
            "completed_at": ended_at if state.error is None else None,
            "failed_at": ended_at if state.error is not None else None,
            "metadata": dict(state.metadata) or None,
        }
    )
