from __future__ import annotations

import asyncio
import sys

from tests.helpers.fork_servers import REPOSITORY

GRANDCHILD = """
from sidecar.parent import Parent
parent = Parent()
print(parent.is_gone(), flush=True)
while not parent.is_gone():
    pass
print("gone", flush=True)
"""
CHILD = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {GRANDCHILD!r}]); sys.stdin.read()"


async def test_a_parent_is_there_until_it_has_ended() -> None:
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, stdin=pipe, stdout=pipe, cwd=REPOSITORY
    )
    assert parent.stdout is not None
    async with asyncio.timeout(60):
        assert (await parent.stdout.readline()).strip() == b"False"
        parent.kill()
        await parent.wait()
        assert (await parent.stdout.readline()).strip() == b"gone"
