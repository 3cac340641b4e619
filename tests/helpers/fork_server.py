"""What the sidecars of the tests are forked from: a process that has loaded all of `sidecar` and done nothing yet.

    test ── a byte, and the ends for standard input, output, error and a line ──▶ server ── fork ──▶ sidecar
      │                                                                            │                    ▲
      ├──▶ the line: arguments, environment, folder ────────────────────────────────────────────────────┘
      └◀── the line: the number of the process, and how it ended ──────────────────┘

Started on its own, a sidecar loads the same modules each time, for most of what a short life costs. Forked, it begins
where `python -m sidecar` is about to run `sidecar/__main__.py`; it is the child of this server, which ends with the
test's process. For Linux alone: there a fork without an exec is safe. `tests/helpers/starting.py` says who is forked.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
from types import ModuleType
from typing import Any, NoReturn, cast

# Standard input, output, error, and the line.
ENDS = 4


def load_everything() -> None:
    """Import what a sidecar may import in its life, as `serve` would: httpx without its command line."""
    import sidecar

    sys.modules["httpx._main"] = cast(ModuleType, None)
    for found in pkgutil.walk_packages(sidecar.__path__, "sidecar."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    if threading.active_count() > 1:
        raise AssertionError(f"a module starts something when it is loaded: {threading.enumerate()}")
    # What is here stays, and is the same memory for all while nobody writes to it.
    gc.collect()
    gc.freeze()


def take(asking: socket.socket) -> list[int] | None:
    """Return the four ends of the next request, None when nobody is there any more."""
    ends = array.array("i")
    told, with_it, _, _ = asking.recvmsg(1, socket.CMSG_SPACE(ENDS * ends.itemsize))
    if not told:
        return None
    for level, kind, data in with_it:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            ends.frombytes(data)
    return list(ends)


def serve(asking: socket.socket) -> list[int]:
    """Fork for each request, and tell how each ended. Return in the forked processes alone, with the four ends."""
    waiting = select.poll()
    waiting.register(asking, select.POLLIN)
    running: dict[int, tuple[int, int]] = {}
    while True:
        for ready, _ in waiting.poll():
            if ready in running:
                waiting.unregister(ready)
                pid, line = running.pop(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                os.close(ready)
                tell(line, code)
                os.close(line)
                continue
            ends = take(asking)
            if ends is None:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                return ends
            *given, line = ends
            for end in given:
                os.close(end)
            tell(line, pid)
            ended = os.pidfd_open(pid)
            running[ended] = (pid, line)
            waiting.register(ended, select.POLLIN)


def tell(line: int, number: int) -> None:
    """Write a number to whoever waits for it, if anybody does."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        os.write(line, f"{number}\n".encode("ascii"))


def become(ends: list[int]) -> list[str]:
    """Take on what was asked for, all but the module to run. Return its name and arguments."""
    *given, line = ends
    with socket.socket(fileno=line) as heard:
        told = bytearray()
        while piece := heard.recv(65536):
            told += piece
    asked: dict[str, Any] = json.loads(told)
    for number, end in enumerate(given):
        os.dup2(end, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(asked["cwd"])
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.dont_write_bytecode = bool(asked["environment"].get("PYTHONDONTWRITEBYTECODE"))
    sys.path[0] = asked["cwd"]
    arguments: list[str] = asked["arguments"]
    sys.orig_argv[:] = [sys.executable, "-m", *arguments]
    return arguments


def main() -> NoReturn:
    asking = socket.socket(fileno=int(sys.argv[1]))
    load_everything()
    # Ctrl-C is for the tests: they end, and this with them.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
    ends = serve(asking)
    asking.detach()
    signal.signal(signal.SIGINT, interrupted)
    module, *arguments = become(ends)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
