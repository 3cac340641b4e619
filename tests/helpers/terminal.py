"""Commands as processes of their own, as a terminal runs them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

from tests.helpers.sidecar import quiet_environment
from tests.helpers.starting import start

# Whoever runs the tests in the background may have them ignore Ctrl-C, which programs inherit.
HEARS_CTRL_C = (
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
)


async def run(
    *command: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error."""
    pipe = asyncio.subprocess.PIPE
    async with asyncio.timeout(120):
        process = await start(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=quiet_environment(**(env or {})),
        )
        out, err = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
