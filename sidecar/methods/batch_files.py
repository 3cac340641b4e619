"""batch:import and batch:export, for methods/batch.py: rows from a file, and a job's results into one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from sidecar.batch.files.export_rows import ExportOptions, export_job
from sidecar.batch.files.import_rows import import_file, import_text
from sidecar.batch.files.options import ImportOptions
from sidecar.batch.files.row_file import FileRows
from sidecar.contract.types import batch as types
from sidecar.methods.services import Request

FileRef = (
    types.BatchImportFile | types.BatchSubmitFile | types.BatchSubmitNativeFile | types.BatchEstimateFile
)


async def import_rows(call: Request, params: types.BatchImportParams) -> orjson.Fragment:
    """Its thread has put the rows into JSON already: as objects they would be many times as large."""
    source = params.root
    if isinstance(source, types.BatchImportFile):
        options = replace(_options(call, source), sheet=source.sheet)
        return orjson.Fragment(await import_file(source.path, options))
    return orjson.Fragment(await import_text(source.text, source.format, _options(call, source)))


def file_rows(call: Request, source: FileRef) -> FileRows:
    """The rows of a file that is named in place of rows."""
    return FileRows(source.path, replace(_options(call, source), sheet=source.sheet))


def _options(call: Request, source: FileRef | types.BatchImportText) -> ImportOptions:
    columns = source.columns.model_dump(by_alias=True, exclude_none=True) if source.columns else {}
    return ImportOptions(
        columns=columns,
        models=tuple(dict.fromkeys(filter(None, (source.model, *(source.models or ()))))),
        template=source.template,
        encoding=source.encoding,
        delimiter=source.delimiter,
        header=source.header is not False,
        message_bytes=call.services.config.max_message_bytes,
    )


async def export_rows(call: Request, params: types.BatchExportParams) -> dict[str, Any]:
    app = call.services
    options = ExportOptions(params.columns, params.defuse_formulas is not False)
    done = await export_job(
        app.store, app.config.data_dir, params.job_id, params.path, params.format, options
    )
    remarks = {"remarks": done.remarks} if done.remarks else {}
    return {"path": str(done.path), "rows": done.rows, "bytes": done.bytes, **remarks}
