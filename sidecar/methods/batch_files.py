"""batch:import and batch:export, for methods/batch.py: rows from a file, and a job's results into one."""

from __future__ import annotations

from typing import Any

import orjson

from sidecar.batch.files.export_rows import export_job
from sidecar.batch.files.import_rows import import_file, import_text
from sidecar.contract.types import batch as types
from sidecar.methods.services import Request


async def import_rows(call: Request, params: types.BatchImportParams) -> orjson.Fragment:
    """Its thread has put the rows into JSON already: as objects they would be many times as large."""
    source = params.root
    if isinstance(source, types.BatchImportFile):
        return orjson.Fragment(await import_file(source.path))
    return orjson.Fragment(await import_text(source.text, source.format))


async def export_rows(call: Request, params: types.BatchExportParams) -> dict[str, Any]:
    app = call.services
    done = await export_job(app.store, app.config.data_dir, params.job_id, params.path, params.format)
    return {"path": str(done.path), "rows": done.rows, "bytes": done.bytes}
