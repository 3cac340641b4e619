"""A machine that lets the program open hardly any files: said as that, whatever is asked."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, mock_command, quiet_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
MODEL = "openai/gpt-6-luna"
SAID = "open no more files"


def limited(files: int, given: list[str]) -> list[str]:
    return ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh", *given]


def calls(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("system:health", {}),
        ("project:create", {"name": "P"}),
        ("chat:send", {"content": "Why?", "modelId": MODEL}),
        ("chat:send-structured", {"content": "Why?", "modelId": MODEL, "schema": SCHEMA}),
        ("settings:save", {"key": "apiKey", "provider": "openai", "value": "sk-short"}),
        ("data:backup", {"path": str(folder / "copy.db")}),
        ("data:export", {"path": str(folder / "tables")}),
        ("system:doctor", {}),
        ("no:such", {}),
    ]


async def told(process: SidecarProcess, method: str, params: dict[str, Any]) -> RpcError | None:
    try:
        await process.call(method, params)
    except RpcError as error:
        return error
    return None


@pytest.mark.parametrize("files", [10, 12, 14, 16, 18, 20, 24, 32])
async def test_too_few_open_files_are_told_as_that(tmp_path: Path, files: int) -> None:
    given = limited(files, mock_command(tmp_path / "data"))
    async with SidecarProcess(given, env=quiet_environment()) as process:
        answers = [await told(process, method, params) for method, params in calls(tmp_path)]
        process.close_stdin()
        assert await process.wait() == 0
        assert not any("a bug in" in line for line in process.stderr)
    for refusal in filter(None, answers):
        assert SAID in refusal.message or refusal.data["kind"] == "method_not_found", refusal


async def test_a_question_that_finds_no_file_for_its_connection_does_not_blame_the_server(
    tmp_path: Path,
) -> None:
    asked = {"OPENAI_API_KEY": "sk-short", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    said = set()

    async def ask_twice(files: int) -> None:
        given = limited(files, command(tmp_path / f"data{files}"))
        async with SidecarProcess(given, env=quiet_environment(**asked)) as process:
            for _ in range(2):
                with pytest.raises(RpcError) as caught:
                    await process.call("chat:send", {"content": "Why?", "modelId": MODEL})
                said.add((caught.value.data["kind"], SAID in caught.value.message))

    # Beside each other: each asks the server that is not there for seconds.
    await asyncio.gather(*(ask_twice(files) for files in range(12, 24)))
    assert ("provider_unavailable", False) in said
    assert {kind for kind, files in said if not files} == {"provider_unavailable"}


def test_what_fails_in_its_place_while_no_file_can_be_opened_is_told_as_that() -> None:
    code = """if True:
        import os, resource
        from sidecar.contract.errors import ERRORS
        from sidecar.rpc.to_wire_error import to_wire_error
        half = ImportError("cannot import name 'x' from partially initialized module 'y'")
        print(to_wire_error(half, ERRORS)["data"]["kind"])
        resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0) + 3, 4096))
        print(to_wire_error(half, ERRORS)["data"]["kind"])
    """
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY)
    assert done.stdout.split() == ["internal_error", "overloaded"]


async def test_a_process_that_cannot_even_begin_says_why(tmp_path: Path) -> None:
    given = limited(8, mock_command(tmp_path / "data"))
    async with SidecarProcess(given, env=quiet_environment()) as process:
        assert await process.wait() == 2
        assert any(SAID in line for line in process.stderr)
