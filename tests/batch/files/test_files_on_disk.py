"""Import and export as they meet the disk: what may be read and written, what is left behind, what memory it takes."""

from __future__ import annotations

import asyncio
import csv
import errno
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from sidecar.batch.files import import_rows
from sidecar.batch.files.export_rows import export_job
from sidecar.batch.files.import_rows import Format, import_file, import_text
from sidecar.errors import Failure
from sidecar.store import job_rows, jobs, projects
from sidecar.store.atomic_files import write_whole
from sidecar.store.database import Database
from sidecar.store.job_records import Job, NewRow
from sidecar.store.stoppable import StoppedError, in_thread
from sidecar.store.store import Store
from tests.helpers.soak import longer

NOW = 1_795_392_000_000
REPOSITORY = Path(__file__).parent.parent.parent


@asynccontextmanager
async def store_with(data_dir: Path, count: int) -> AsyncIterator[Store]:
    """A store with one job, `job`, of that many rows."""

    def fill(conn: Any) -> None:
        projects.create(conn, "p", "P", now=NOW)
        jobs.create(conn, Job(id="job", project_id="p", created_at=NOW, total_rows=count))
        # Stored from the last to the first: the order of an export is that of the index.
        job_rows.insert_many(conn, "job", (new_row(index) for index in reversed(range(count))), NOW)

    store = Store(lambda: Database.open(data_dir / "abai.db", now_ms=lambda: NOW))
    try:
        await store.write(fill)
        yield store
    finally:
        await store.close()


def new_row(index: int) -> NewRow:
    request = {
        "id": f"r{index}",
        "prompt": "Sum up {{text}}",
        "model": "openai/gpt-4o",
        "data": {"text": f"T{index}"},
    }
    return NewRow(f"row-{index}", index, request, f"Sum up T{index}", "openai", "openai/gpt-4o", "t")


def folder_of(path: Path) -> list[str]:
    return sorted(each.name for each in path.iterdir())


async def test_a_file_is_read_by_the_ending_of_its_name(tmp_path: Path) -> None:
    texts = {
        "rows.CSV": "prompt,model\nHi,m\n",
        "rows.tsv": "prompt\tmodel\nHi\tm\n",
        "rows.json": '[{"prompt":"Hi","model":"m"}]',
        "rows.jsonl": '{"prompt":"Hi","model":"m"}',
        "rows.ndjson": '{"prompt":"Hi","model":"m"}',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        found = json.loads(await import_file(str(tmp_path / name)))
        assert found == {"rows": [{"id": "row-1", "prompt": "Hi", "model": "m"}], "errors": []}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("missing.csv", "not_found"),
        ("folder.csv", "invalid_params"),
        ("rows.xlsx", "invalid_params"),
        ("nul\0.csv", "invalid_params"),
        ("~nobody-of-this-name/x.csv", "invalid_params"),
        ("./folder.csv", "invalid_params"),
    ],
)
async def test_what_is_no_file_of_rows_is_refused_with_a_sentence(
    tmp_path: Path, name: str, kind: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    with pytest.raises(Failure) as refusal:
        await import_file(name if name[0] in "~." else str(tmp_path / name))
    assert refusal.value.kind == kind
    assert refusal.value.message.endswith(".")


async def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "rows.csv").open("wb") as file:
        file.truncate(import_rows.MAX_FILE_BYTES + 1)
    with pytest.raises(Failure, match="Split it"):
        await import_file(str(tmp_path / "rows.csv"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes with names")
async def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "rows.csv")
    async with asyncio.timeout(60):
        with pytest.raises(Failure, match="not a file"):
            await import_file(str(tmp_path / "rows.csv"))


@pytest.mark.parametrize("format", ["csv", "json", "jsonl"])
async def test_an_export_is_in_the_order_of_the_rows_and_is_imported_as_they_were(
    tmp_path: Path,
    format: Format,  # noqa: A002
) -> None:
    async with store_with(tmp_path / "data", 2_500) as store:
        target = tmp_path / f"out.{format}"
        done = await export_job(store, tmp_path / "data", "job", str(target), format)
        assert (done.path, done.rows, done.bytes) == (target, 2_500, target.stat().st_size)
        found = json.loads(await import_file(str(target)))
    assert found["errors"] == []
    assert found["rows"] == [dict(new_row(index).request) for index in range(2_500)]


async def test_an_export_replaces_the_file_that_is_there_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    data_dir, home = tmp_path / "data", tmp_path / "home"
    home.mkdir()
    (home / "out.csv").write_text("old", encoding="utf-8")
    async with store_with(data_dir, 3) as store:
        await export_job(store, data_dir, "job", str(home / "out.csv"), "csv")
    assert len((home / "out.csv").read_bytes().splitlines()) == 4
    assert folder_of(home) == ["out.csv"]


@pytest.mark.parametrize(
    "name",
    ["", "abai.db", "ABAI.DB-wal", "keys.json", "history/x", "Preferences", "out.json", "../{own}/out.json"],
)
async def test_an_export_never_touches_the_data_folder(tmp_path: Path, name: str) -> None:
    name = name.format(own=tmp_path.name)
    (tmp_path / "history").mkdir()
    async with store_with(tmp_path, 1) as store:
        before = folder_of(tmp_path)
        with pytest.raises(Failure) as refusal:
            await export_job(store, tmp_path, "job", str(tmp_path / name), "json")
        assert refusal.value.kind == "invalid_params"
        assert folder_of(tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="making a link needs a right that most lack")
async def test_a_link_to_the_database_is_known_for_what_it_is(tmp_path: Path) -> None:
    async with store_with(tmp_path / "data", 1) as store:
        (tmp_path / "out.json").symlink_to(tmp_path / "data" / "abai.db")
        with pytest.raises(Failure, match="belongs to"):
            await export_job(store, tmp_path / "data", "job", str(tmp_path / "out.json"), "json")
        (tmp_path / "elsewhere").symlink_to(tmp_path / "data")
        with pytest.raises(Failure, match="belongs to"):
            await export_job(
                store, tmp_path / "data", "job", str(tmp_path / "elsewhere" / "out.json"), "json"
            )


@pytest.mark.skipif(sys.platform == "win32", reason="making a link needs a right that most lack")
async def test_what_the_data_folder_keeps_elsewhere_by_a_link_is_no_target_either(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (elsewhere / "backups").mkdir(parents=True)
    async with store_with(data, 1) as store:
        (elsewhere / "models.json").write_text("{}", encoding="utf-8")
        for name in ("models.json", "backups"):
            (data / name).symlink_to(elsewhere / name)
        for target in ("models.json", "backups/out.json"):
            with pytest.raises(Failure, match="belongs to"):
                await export_job(store, data, "job", str(elsewhere / target), "json")
        await export_job(store, data, "job", str(elsewhere / "out.json"), "json")
    assert (elsewhere / "models.json").read_text("utf-8") == "{}"


async def test_a_job_or_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with store_with(tmp_path / "data", 1) as store:
        with pytest.raises(Failure) as refusal:
            await export_job(store, tmp_path / "data", "no job", str(tmp_path / "out.csv"), "csv")
        assert refusal.value.kind == "not_found"
        with pytest.raises(Failure, match="There is no folder"):
            await export_job(store, tmp_path / "data", "job", str(tmp_path / "missing" / "out.csv"), "csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_full_disk_is_a_storage_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old", encoding="utf-8")

    def fill(file: BinaryIO) -> None:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Failure, match="disk is full") as refusal:
        write_whole(target, fill)
    assert refusal.value.kind == "storage_error"
    assert (folder_of(tmp_path), target.read_text(encoding="utf-8")) == (["out.csv"], "old")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits on a process's files")
def test_a_file_that_may_not_grow_any_more_is_not_left_half_written(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from sidecar.errors import Failure
from sidecar.store.atomic_files import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_whole(Path(sys.argv[1]), lambda file: file.write(b"x" * 1_000_000))
except Failure as failure:
    print(failure.kind)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "out.csv")]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    assert (run.stdout.strip(), folder_of(tmp_path)) == ("storage_error", [])


async def test_a_cancelled_export_stops_and_leaves_nothing(tmp_path: Path) -> None:
    data_dir, home = tmp_path / "data", tmp_path / "home"
    home.mkdir()
    async with store_with(data_dir, 20_000) as store:
        async with asyncio.timeout(60):
            exporting = asyncio.create_task(export_job(store, data_dir, "job", str(home / "out.csv"), "csv"))
            while not folder_of(home) and not exporting.done():
                await asyncio.sleep(0)
            exporting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await exporting
    assert folder_of(home) == []


async def test_whoever_cancels_a_thread_waits_until_it_has_stopped() -> None:
    begun, stopped = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def work(pulse: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                pulse()
        except StoppedError:
            stopped.append(True)
            raise

    async with asyncio.timeout(60):
        task = asyncio.create_task(in_thread(work))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stopped == [True]


async def test_the_loop_goes_on_while_a_large_text_is_read() -> None:
    text = "prompt,model\n" + "Hi there,m\n" * 100_000
    async with asyncio.timeout(60):
        reading = asyncio.create_task(import_text(text, "csv"))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1
    assert len(json.loads(reading.result())["rows"]) == 100_000
    assert turns > 20


ROWS = 200_000
# Held as a whole they would be 40 MB and more at a time.
EXPORTED_ROWS = longer(60_000, 200_000)
# Measured: 71 and 43 MB for the imports, of which a result of 40 MB is the most; 3 MB for the exports.
IMPORT_PEAK_BYTES = 112 * 1024 * 1024
EXPORT_PEAK_BYTES = 24 * 1024 * 1024

_MEASURED = """
import asyncio, resource, sys
def peak():
    if sys.platform == "linux":
        # Of this program alone; what getrusage says begins with the peak of the one that started it.
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from pathlib import Path
import orjson, csv
from sidecar.batch.files.import_rows import import_file
from sidecar.batch.files.export_rows import export_job
from sidecar.store.database import Database
from sidecar.store.store import Store
async def main(what, path, data_dir, rows):
    if what == "import":
        before = peak()
        await import_file(path)
    else:
        store = Store(lambda: Database.open(Path(data_dir) / "abai.db", now_ms=lambda: 0))
        await store.database()
        before = peak()
        for format in ("csv", "json", "jsonl"):
            done = await export_job(store, Path(data_dir), "job", f"{path}.{format}", format)
            assert done.rows == int(rows)
        await store.close()
    print(peak() - before)
asyncio.run(main(*sys.argv[1:]))
"""


def measured(what: str, path: Path, data_dir: Path) -> int:
    """By how much the process grew at most, in bytes."""
    command = [sys.executable, "-c", _MEASURED, what, str(path), str(data_dir), str(EXPORTED_ROWS)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def _write_csv(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prompt", "model", "temperature", "city", "text"])
        for index in range(ROWS):
            text = f"Text number {index}, " + "word " * 20
            writer.writerow(
                [f"r{index}", "Sum up {{text}} for {{city}}.", "openai/gpt-4o", "0.7", "Zürich", text]
            )


def _write_json(path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for index in range(ROWS):
            row = {
                **new_row(index).request,
                "city": "Zürich",
                "text": f"Text number {index}, " + "word " * 20,
            }
            file.write(("[" if index == 0 else ",\n") + json.dumps(row))
        file.write("]")


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process is asked for in another way")
@pytest.mark.parametrize("write", [_write_csv, _write_json], ids=["csv", "json"])
def test_two_hundred_thousand_rows_are_imported_within_a_fixed_memory(tmp_path: Path, write: Any) -> None:
    path = tmp_path / f"rows.{write.__name__.removeprefix('_write_')}"
    write(path)
    assert measured("import", path, tmp_path) < IMPORT_PEAK_BYTES


@pytest.mark.skipif(sys.platform == "win32", reason="the peak of a process is asked for in another way")
async def test_very_many_rows_are_exported_within_a_fixed_memory(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    async with store_with(data_dir, EXPORTED_ROWS):
        pass
    assert await asyncio.to_thread(measured, "export", tmp_path / "out", data_dir) < EXPORT_PEAK_BYTES
