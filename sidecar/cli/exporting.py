"""`abai export`: a job's rows in a file, one below the other or side by side."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sidecar.cli.connection import CallRefused, Connection

_FORMS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_WIDE = {".csv": "csv", ".xlsx": "xlsx"}


async def export_rows(sidecar: Connection, job: str, path: Path) -> Mapping[str, Any]:
    """Write a row a line, in the form that the file's ending says. Return how many rows, and where they are."""
    params = {"jobId": job, "path": str(path), "format": _FORMS.get(path.suffix.lower(), "csv")}
    written: Mapping[str, Any] = await sidecar.call("batch:export", params)
    return written


async def export_wide(sidecar: Connection, job: str, path: Path) -> Mapping[str, Any]:
    """Write a question a line, with columns for each model. Return as `export_rows`.

    Raise CallRefused for a form that cannot be wide.
    """
    form = _WIDE.get(path.suffix.lower())
    if form is None:
        raise CallRefused(
            "A wide table is written as .csv or .xlsx. Give the file one of these endings.", "invalid_params"
        )
    with tempfile.TemporaryDirectory(prefix="abai-wide-") as folder:
        page = Path(folder, f"{path.stem}.html")
        params = {"jobIds": [job], "path": str(page), "beside": [form]}
        written = await sidecar.call("batch:report", params)
        beside = next(each["path"] for each in written["files"] if each["format"] == form)
        await asyncio.to_thread(shutil.copyfile, beside, path)
    return {"rows": written["rows"], "path": str(path)}
