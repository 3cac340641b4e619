"""Files that are no recordings, or that somebody has spoilt: each is refused in a sentence, and soon."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.sidecar import quiet_environment
from tests.helpers.starting import start

META = b'{"meta": {"title": "t", "day": "2026-11-23"}}\n'
HEALTH = b'{">": {"jsonrpc": "2.0", "id": 1, "method": "system:health"}}\n'

LINES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "it is empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "cannot be read"),
    "UTF-16": (META.decode().encode("utf-16"), "cannot be read"),
    "lists without end": (META + b"[" * 200_000 + b"\n" + HEALTH, "line 2: it is not JSON"),
    "a number of a hundred thousand digits": (
        META + b'{">": ' + b"9" * 100_000 + b"}\n" + HEALTH,
        "line 2: it is not JSON",
    ),
    "a list": (b"[1, 2]\n", "line 1: it is not an object"),
    "no day": (HEALTH, "line 1: the recording does not begin with its day"),
    "a day that is none": (b'{"meta": {"day": "2026-99-99"}}\n' + HEALTH, "on which day"),
    "a request to the network without an address": (
        META + b'{"meta": {"net": {"n": 1}}}\n' + HEALTH,
        "line 2: it lacks what such a line says",
    ),
    "an answer of the network that is a number": (
        META + b'{"meta": {"net<": 5}}\n' + HEALTH,
        "line 2: it lacks what such a line says",
    ),
    "a key of nobody": (META + b'{"meta": {"key": []}}\n' + HEALTH, "line 2: it lacks what such a line says"),
    "neither": (META + b'{"?": 1}\n' + HEALTH, "line 2: it is neither meta, > nor <"),
}


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def gigabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3 * 1024**3)


THINGS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else Path.mkdir,
    "a folder": Path.mkdir,
    "a link to what never ends": endless,
    "a link to itself": loop,
    "three gigabytes": gigabytes,
}


async def replayed(file: Path) -> tuple[int, str, str]:
    """The exit code of `abai-sidecar replay`, and what it wrote to either stream."""
    pipe = asyncio.subprocess.PIPE
    given = [sys.executable, "-m", "sidecar", "replay", str(file)]
    process = await start(given, stdout=pipe, stderr=pipe, env=quiet_environment())
    async with asyncio.timeout(60):
        said, logged = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), logged.decode()


@pytest.mark.parametrize("name", LINES)
async def test_a_file_that_is_no_recording_is_refused_with_the_line_and_what_to_do(
    name: str, tmp_path: Path
) -> None:
    content, why = LINES[name]
    (tmp_path / "session.jsonl").write_bytes(content)
    code, said, logged = await replayed(tmp_path / "session.jsonl")
    assert (code, logged) == (2, "")
    assert why in said
    assert "hoose another file." in said


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
@pytest.mark.parametrize("thing", THINGS)
async def test_what_is_no_file_is_not_waited_for(thing: str, tmp_path: Path) -> None:
    THINGS[thing](tmp_path / "session.jsonl")
    code, said, logged = await replayed(tmp_path / "session.jsonl")
    assert (code, logged) == (2, "")
    assert "cannot be read" in said
    assert "Choose another file." in said


async def test_a_recording_that_an_editor_has_given_a_mark_and_other_ends_of_lines_is_played(
    tmp_path: Path,
) -> None:
    answer = b'{"<": {"jsonrpc": "2.0", "error": {"code": -32601}, "id": 1}}\n'
    asked = b'{">": {"jsonrpc": "2.0", "id": 1, "method": "nobody:nothing"}}\n'
    plain = (META + asked + answer).replace(b"\n", b"\r\n")
    (tmp_path / "session.jsonl").write_bytes(b"\xef\xbb\xbf" + plain)
    code, said, _ = await replayed(tmp_path / "session.jsonl")
    assert code == 1
    assert "2 messages, 1 difference" in said
