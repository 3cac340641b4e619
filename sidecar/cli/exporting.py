"""`abai export`: a job's rows in a file, one below the other or side by side."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
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
    # The sidecar judges the place by a table of its own there: its folder, links, pipes, the data folder.
    await sidecar.call("batch:export", {"jobId": job, "path": str(path), "format": "csv"})
    with tempfile.TemporaryDirectory(prefix="abai-wide-") as folder:
        page = Path(folder, f"{path.stem}.html")
        params = {"jobIds": [job], "path": str(page), "beside": [form]}
        written = await sidecar.call("batch:report", params)
        beside = next(each["path"] for each in written["files"] if each["format"] == form)
        await asyncio.to_thread(_put_in_place, Path(beside), path)
    return {"rows": written["rows"], "path": str(path)}


def _put_in_place(source: Path, path: Path) -> None:
    """Let a copy take the place of what is there, whole. Raise CallRefused."""
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        shutil.copyfile(source, partial)
        shutil.copymode(path, partial)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CallRefused(
            f"The wide table could not be put at {path} ({error.strerror or type(error).__name__}). "
            "Free some space, or choose another folder.",
            "storage_error",
        ) from error
