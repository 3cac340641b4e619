"""Start-up: spawn to first answer, against a bare interpreter in the same run. Run by `make bench`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 15
CHAT = b'{"jsonrpc":"2.0","id":1,"method":"chat:abort","params":{"conversationId":"none"}}\n'
REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"%s"}\n'


def once(command: list[str], request: bytes) -> float:
    """Milliseconds from spawning to the end of the first line."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        process.stdin.flush()
        process.stdout.readline()
        taken = (time.perf_counter() - begun) * 1000
        process.stdin.close()
    return taken


def main() -> None:
    bare = [sys.executable, "-c", "import sys; sys.stdin.readline(); print('x', flush=True)"]
    with tempfile.TemporaryDirectory() as folder:
        sidecar = [sys.executable, "-m", "sidecar", "serve", "--mock", "--data-dir", folder]
        commands = {
            "bare interpreter": (bare, b"x\n"),
            "project:list": (sidecar, REQUEST % b"project:list"),
            "models:get-all": (sidecar, REQUEST % b"models:get-all"),
            "chat:abort, which needs the chat": (sidecar, CHAT),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, (command, request) in commands.items():
                taken[name].append(once(command, request))
    floor = statistics.median(taken["bare interpreter"])
    for name, values in taken.items():
        middle = statistics.median(values)
        sys.stdout.write(
            f"start to first answer, {name}: {middle:.0f} ms, {middle / floor:.1f} x a bare interpreter\n"
        )


if __name__ == "__main__":
    main()
