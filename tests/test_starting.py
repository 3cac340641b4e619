"""What is forked for a test finds itself in what it would have been started in, and ends as that does."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.fork_servers import INTERPRETER, OFTEN, REPOSITORY, SERVERS
from tests.helpers.sources import modules
from tests.helpers.starting import CHOICE, Forked, Running, server_for, start

PIPE = asyncio.subprocess.PIPE
forking = pytest.mark.skipif(CHOICE.real, reason="all is started anew here")
# The one takes a variable from OpenSSL before it is loaded, the other names what is looked into later.
WHEN_LOADED = {"providers/kernel/network.py", "providers/kernel/http.py"}
INTRODUCING = [sys.executable, "-m", "tests.helpers.introducing"]
SIMULATOR = [sys.executable, "-m", "sidecar", "simulator", "--port", "0"]
OURS = {**os.environ, **INTERPRETER, "HOME": "/nowhere/at all", "ABAI_WORD": "ä\n"}


async def introduced(
    cwd: Path, environment: Mapping[str, str] = OURS
) -> tuple[Running, dict[str, Any], bytes]:
    process = await start(
        [*INTRODUCING, "7", "b c"], stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, cwd=cwd
    )
    out, err = await process.communicate(b"Hello")
    return process, json.loads(out), err


async def running() -> Running:
    """A simulator that has told where it is."""
    process = await start(SIMULATOR, stdout=PIPE, env=OURS)
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline())
    return process


@forking
@pytest.mark.parametrize("more", [{}, {"PYTHONDONTWRITEBYTECODE": "1"}], ids=["as it is", "no bytecode"])
async def test_what_is_forked_finds_what_it_would_find_if_it_were_started(
    more: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before = os.umask(0o037)
    # Both in a test that is interrupted by hand and in one that runs in the background.
    heard = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        forked, its, said = await introduced(tmp_path, {**OURS, **more})
        request.getfixturevalue("real_starts")
        started, other, told = await introduced(tmp_path, {**OURS, **more})
    finally:
        os.umask(before)
        for number, handler in heard.items():
            signal.signal(number, handler)
    assert (type(forked), type(started)) == (Forked, asyncio.subprocess.Process)
    assert its == other
    assert (its["said"], its["umask"], its["more open"]) == ("Hello", 0o037, 0)
    assert (said, forked.returncode) == (told, started.returncode) == (b"left\n", 7)


async def launched(*arguments: str) -> asyncio.subprocess.Process:
    """Start it as a command does that was forked: in its interpreter."""
    interpreter = str(SERVERS.usual().launcher)
    return await asyncio.create_subprocess_exec(interpreter, *arguments, stdin=PIPE, stdout=PIPE, env=OURS)


@forking
async def test_a_sidecar_that_a_forked_command_starts_is_forked_and_ends_when_the_command_kills_it(
    tmp_path: Path,
) -> None:
    serve = ["-m", "sidecar", "serve", "--mock", "--data-dir", str(tmp_path)]
    asked = b'{"jsonrpc": "2.0", "id": 1, "method": "project:create", "params": {"name": "P"}}\n'
    killed = await launched(*serve)
    assert killed.stdin is not None
    assert killed.stdout is not None
    killed.stdin.write(asked)
    assert json.loads(await killed.stdout.readline())["result"]["name"] == "P"
    killed.kill()
    assert await killed.wait() == -9
    # It is gone, and holds the folder no more.
    again = await launched(*serve)
    out, _ = await again.communicate(asked)
    assert json.loads(out)["result"]["name"] == "P"
    assert again.returncode == 0


@forking
async def test_whatever_else_a_forked_command_starts_runs_in_the_real_interpreter() -> None:
    other = await launched("-c", "import sys; print(sys.executable); sys.exit(3)")
    out, _ = await other.communicate()
    assert (out.decode().strip(), other.returncode) == (sys.executable, 3)


@forking
async def test_a_forked_process_that_is_killed_or_told_to_end_says_so_by_its_exit_code() -> None:
    killed, ended, left = [await running() for _ in range(3)]
    killed.kill()
    ended.terminate()
    assert await killed.wait() == -9
    assert await ended.wait() == 0
    with pytest.raises(ProcessLookupError):
        killed.kill()
    # The others go on.
    assert left.returncode is None
    left.kill()
    assert await left.wait() == -9


@forking
@pytest.mark.parametrize(
    ("command", "more", "forked"),
    [
        (SIMULATOR, {}, True),
        (SIMULATOR, {"OPENAI_API_KEY": "sk-x", "PYTHONDONTWRITEBYTECODE": "1", "SSL_CERT_FILE": ""}, True),
        (SIMULATOR, {"PYTHONPATH": "/elsewhere"}, False),
        (SIMULATOR, {"PYTHONWARNINGS": "error"}, False),
        (SIMULATOR, {"LD_PRELOAD": "/its.so"}, False),
        (SIMULATOR, {"TZ": "Asia/Tokyo"}, False),
        (SIMULATOR, {"LC_ALL": "tr_TR"}, False),
        (SIMULATOR, {"SSLKEYLOGFILE": "/keys"}, False),
        (["/usr/bin/python3", *SIMULATOR[1:]], {}, False),
        (["/opt/abai-sidecar", *SIMULATOR[3:]], {}, False),
        ([sys.executable, "-c", "pass"], {}, False),
        ([sys.executable, "-m", "tests.helpers.toy"], {}, False),
    ],
)
def test_whatever_the_start_itself_decides_is_started_anew(
    command: list[str], more: dict[str, str], forked: bool, tmp_path: Path
) -> None:
    environment = {**os.environ, **INTERPRETER, **more}
    assert (server_for(command, environment, REPOSITORY) is not None) is forked
    assert (server_for(command, environment, tmp_path) is not None) is forked
    (tmp_path / "sidecar").mkdir()
    assert server_for(command, environment, tmp_path) is None


@forking
async def test_what_is_started_often_in_another_way_is_forked_from_what_was_started_so(
    tmp_path: Path,
) -> None:
    other = {**OURS, "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONUTF8": "1", "PYTHONOPTIMIZE": "1"}
    came = [await introduced(tmp_path, other) for _ in range(OFTEN + 1)]
    assert [type(process) for process, _, _ in came][-2:] == [Forked, Forked]
    assert type(came[0][0]) is asyncio.subprocess.Process
    assert all(found == came[0][1] for _, found, _ in came)
    assert came[0][1]["zone"] == ["JST", "JST"]


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is loaded: the defaults of functions do, their bodies do not."""
    yield node
    body = node.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) else None
    left = body if isinstance(body, list) else [body]
    for child in ast.iter_child_nodes(node):
        if child not in left:
            yield from outside_functions(child)


def test_no_module_looks_into_the_environment_when_it_is_loaded() -> None:
    """A process that is forked has another one than that in which the modules were loaded."""
    looks = {
        file
        for file, tree in modules()
        for node in outside_functions(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }
    assert looks == WHEN_LOADED
