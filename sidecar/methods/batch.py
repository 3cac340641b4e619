"""batch:* — many prompts at once."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from sidecar.batch import external_jobs
from sidecar.batch import jobs as moves
from sidecar.batch.safeguard_transactions import goes_to_the_vendor
from sidecar.contract.types import batch as types
from sidecar.errors import Failure
from sidecar.methods import batch_files, batch_native, batch_rows, batch_safeguard, batch_wire
from sidecar.methods.services import Request
from sidecar.store import job_rows, jobs, verdicts
from sidecar.store.cursors import garbled
from sidecar.store.job_records import Job, JobStatus, LimitName

PAGE = 100
_STATUSES: dict[str, JobStatus] = {
    "pending": "pending",
    "processing": "processing",
    "running": "processing",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}

# Three hundred thousand years: what a page tells beyond that would not fit into a column.
MOST_LATENCY_MS = 1e16


async def submit(call: Request, params: types.BatchSubmitParams) -> dict[str, Any]:
    app, wanted = call.services, params.root
    given = await batch_rows.given(call, wanted)
    job = await app.intake.submit(
        wanted.project_id,
        given.source,
        wanted.file_name or given.file_name,
        reuse=bool(wanted.reuse_answers),
        checks=batch_rows.checks(wanted),
    )
    if wanted.start:
        try:
            job = await app.batches.start(job.id)
        except Failure as failure:
            failure.message = moves.stored_not_started(failure.message)
            raise
        app.news.job_changed(job)
    return batch_wire.job(job) | given.errors()


async def start(call: Request, params: types.BatchStartParams) -> dict[str, Any]:
    return await _start(
        call,
        params,
        canary=params.canary or 0,
        limits=_limits(params.stop_when),
    )


async def cancel(call: Request, params: types.BatchCancelParams) -> dict[str, Any]:
    app = call.services
    native = (await _job(call, params.job_id)).mode == "native"
    job = await (app.native if native else app.batches).cancel(params.job_id)
    app.news.job_changed(job)
    return await batch_native.shown(call, job)


async def collect(call: Request, params: types.BatchCollectParams) -> dict[str, Any]:
    return await batch_native.shown(call, await call.services.native.collect(params.job_id))


async def retry_failed(call: Request, params: types.BatchRetryFailedParams) -> dict[str, Any]:
    return await _start(call, params, retry_failed=True)


async def submit_native(call: Request, params: types.BatchSubmitNativeParams) -> dict[str, Any]:
    wanted = params.root
    provider, given = wanted.provider_name, await batch_rows.given(call, wanted)
    job, native_id = await call.services.native.submit(
        wanted.project_id,
        given.source,
        provider,
        wanted.file_name or given.file_name,
        reuse=bool(wanted.reuse_answers),
        checks=batch_rows.checks(wanted),
        canary=wanted.canary or 0,
        limits=_limits(wanted.stop_when),
    )
    call.services.news.job_changed(job)
    sent = {"jobId": job.id, "nativeBatchId": native_id, "provider": provider, "status": "submitted"}
    return sent | given.errors()


async def get_status(call: Request, params: types.BatchGetStatusParams) -> dict[str, Any]:
    if isinstance(params.root, types.NativeBatchRef):
        return await batch_native.status(call, params.root)
    return await _counted(call, params.root.job_id)


async def get_results(call: Request, params: types.BatchGetResultsParams) -> list[dict[str, Any]]:
    wanted = params.root
    if isinstance(wanted, types.NativeBatchRef):
        return await batch_native.results(call, wanted)
    await _judged(call, wanted.job_id)
    rows = await call.services.store.read(job_rows.page, wanted.job_id, wanted.offset or 0, wanted.limit)
    return [batch_wire.row(row) for row in rows]


async def update_status(call: Request, params: types.BatchUpdateStatusParams) -> dict[str, Any]:
    app, told, now = call.services, params.root, call.services.now_ms()
    if app.batches.is_running(told.job_id):
        raise moves.already_running()
    if isinstance(told, types.BatchJobUpdate):
        job = await app.store.write(
            external_jobs.update_job,
            app.session,
            told.job_id,
            _STATUSES[told.status],
            now=now,
            completed_rows=told.completed_rows,
            total_rows=told.total_rows,
            error=told.error,
        )
    else:
        job = await app.store.write(
            external_jobs.update_row, app.session, told.job_id, told.row_id, _told(told), now
        )
    return batch_wire.job(job)


async def list_(call: Request, params: types.BatchListParams) -> list[dict[str, Any]]:
    page = await call.services.store.read(
        jobs.list_page, params.project_id, params.limit or PAGE, params.cursor
    )
    if page is None:
        raise garbled()
    return [await batch_native.shown(call, job) for job in page]


async def get(call: Request, params: types.BatchGetParams) -> dict[str, Any]:
    return await _counted(call, params.job_id)


async def estimate(call: Request, params: types.BatchEstimateParams) -> dict[str, Any]:
    wanted = params.root
    given = await batch_rows.given(call, wanted)
    found = await call.services.intake.estimate(given.source, wanted.project_id, listed=given.listed)
    counts = batch_wire.counts(found) if given.listed is not None else {}
    return batch_wire.estimate(found) | counts | given.errors()


async def import_(call: Request, params: types.BatchImportParams) -> orjson.Fragment:
    return await batch_files.import_rows(call, params)


async def export(call: Request, params: types.BatchExportParams) -> dict[str, Any]:
    await _judged(call, params.job_id)
    return await batch_files.export_rows(call, params)


async def report(call: Request, params: types.BatchReportParams) -> dict[str, Any]:
    # Loaded with the first report: nothing else needs it.
    from sidecar.methods import batch_report

    for job_id in params.job_ids:
        await _judged(call, job_id)
    return await batch_report.written(call, params)


def _told(update: types.BatchRowUpdate) -> external_jobs.RowUpdate:
    result = update.result
    return external_jobs.RowUpdate(
        status=update.status,
        row_index=result.row_index,
        prompt=result.prompt,
        model=result.model,
        response=result.response,
        tokens_in=result.tokens_in,
        tokens_out=result.tokens_out,
        cost_usd=None if result.cost_usd is None else Decimal(repr(result.cost_usd)),
        latency_ms=None if result.latency_ms is None else round(min(result.latency_ms, MOST_LATENCY_MS)),
        error_kind=result.error,
        error_message=result.error_message,
        attempts=result.attempts,
        data=result.data,
    )


def _limits(wanted: types.BatchStopWhen | None) -> Mapping[LimitName, float] | None:
    return None if wanted is None else batch_safeguard.limits(wanted)


async def _start(
    call: Request,
    params: types.BatchStartParams | types.BatchRetryFailedParams,
    *,
    retry_failed: bool = False,
    canary: int = 0,
    limits: Mapping[LimitName, float] | None = None,
) -> dict[str, Any]:
    app, notify_rows = call.services, bool(params.notify_rows)
    job = await _job(call, params.job_id)
    if canary and job.mode == "native":
        await app.native.lend(params.job_id)
    elif job.mode == "native" or (not canary and goes_to_the_vendor(job, retry_failed=retry_failed)):
        job = await app.native.start(
            params.job_id, retry_failed=retry_failed, notify_rows=notify_rows, limits=limits
        )
        app.news.job_changed(job)
        return await batch_native.shown(call, job)
    job = await app.batches.start(
        params.job_id,
        retry_failed=retry_failed,
        concurrency=params.concurrency,
        notify_rows=notify_rows,
        canary=canary,
        limits=limits,
    )
    app.news.job_changed(job)
    return await batch_native.shown(call, job)


async def _counted(call: Request, job_id: str) -> dict[str, Any]:
    """A BatchJob, with how its answers did by its checks."""
    job = await _judged(call, job_id)
    shown = await batch_native.shown(call, job)
    if job.checks is None:
        return shown
    counted = await call.services.store.read(verdicts.counted, job_id)
    return {**shown, "checks": [batch_wire.check_count(each) for each in counted]}


async def _judged(call: Request, job_id: str) -> Job:
    """The job, whose answers were held against its checks. Of a folder that is only read they are as they were."""
    job = await _job(call, job_id)
    if job.checks is not None and not call.services.config.read_only:
        await call.services.intake.scorer.judge(job)
    return job


async def _job(call: Request, job_id: str) -> Job:
    found = await call.services.store.read(jobs.get, job_id)
    if found is None:
        raise moves.unknown_job()
    return found
