"""batch:report, for methods/batch.py."""

from __future__ import annotations

from typing import Any

from sidecar.contract.types import batch as types
from sidecar.methods.services import Request
from sidecar.report.write import write_report


async def written(call: Request, params: types.BatchReportParams) -> dict[str, Any]:
    """A BatchReportResult."""
    app = call.services
    done = await write_report(
        app.store, app.config.data_dir, params.job_ids, params.path, params.beside or (), app.now_ms()
    )
    return {
        "path": str(done.files[0].path),
        "files": [{"format": each.kind, "path": str(each.path), "bytes": each.bytes} for each in done.files],
        "questions": done.questions,
        "rows": done.rows,
        "leftOut": done.left_out,
    }
