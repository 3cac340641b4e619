"""What the sidecars of the tests are forked from: a process that has loaded all of `sidecar` and done nothing yet.

    test ── a byte, and the ends for standard input, output, error and a line ──▶ server ── fork ──▶ sidecar
      │                                                                            │                    ▲
      ├──▶ the line: arguments, environment, folder ────────────────────────────────────────────────────┘
      └◀── the line: the number of the process, and how it ended ──────────────────┘

Started on its own, a sidecar loads the same modules each time, for most of what a short life costs. Forked, it begins
where `python -m sidecar` is about to run `sidecar/__main__.py`; it is the child of this server, which ends with the
test's process. For Linux alone: there a fork without an exec is safe. `tests/helpers/starting.py` says who is forked,
and `tests/helpers/launching.py` how the sidecar of a command is, which was forked itself.
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
from typing import Any, NamedTuple, NoReturn, cast

from tests.helpers.launching import HANDED_ON

# Standard input, output, error, and the line.
ENDS = 4
# What starts a sidecar itself, by the interpreter that it runs in.
COMMAND = "sidecar.cli"


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


def serve(asking: socket.socket, launched: socket.socket) -> list[int]:
    """Fork for each request, and tell how each ended. Return in the forked processes alone, with the four ends.

    Requests come over `asking`, at whose end this process ends too, and over connections to `launched`.
    """
    waiting = select.poll()
    for door in (asking, launched):
        waiting.register(door, select.POLLIN)
    running: dict[int, Running] = {}
    while True:
        ready = [end for end, _ in waiting.poll()]
        # First who ended: what is forked next may want what they held.
        for process in {running[end] for end in ready if end in running}:
            for end in (process.ended, process.line):
                waiting.unregister(end)
                del running[end]
            process.bury()
        for door in (asking, launched):
            if door.fileno() not in ready:
                continue
            ends = taken_at(door) if door is launched else take(asking)
            if ends is None and door is asking:
                os._exit(0)
            if ends is None:
                continue
            forked = fork(ends)
            if forked is None:
                return ends
            for end, events in ((forked.ended, select.POLLIN), (forked.line, 0)):
                running[end] = forked
                waiting.register(end, events)


def taken_at(launched: socket.socket) -> list[int] | None:
    """Take the one request of a connection."""
    connection, _ = launched.accept()
    with connection:
        return take(connection)


def fork(ends: list[int]) -> Running | None:
    """Return None in the process that was forked."""
    pid = os.fork()
    if pid == 0:
        return None
    *given, line = ends
    for end in given:
        os.close(end)
    tell(line, pid)
    return Running(pid, line, os.pidfd_open(pid))


class Running(NamedTuple):
    """One that was forked. `line` breaks off when nobody waits for it, `ended` is readable when it has ended."""

    pid: int
    line: int
    ended: int

    def bury(self) -> None:
        """Tell how it ended, and end it where nobody waits for that any more."""
        if not select.select([self.ended], [], [], 0)[0]:
            os.kill(self.pid, signal.SIGKILL)
        tell(self.line, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))
        for end in (self.ended, self.line):
            os.close(end)


def tell(line: int, number: int) -> None:
    """Write a number to whoever waits for it, if anybody does."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        os.write(line, f"{number}\n".encode("ascii"))


def become(ends: list[int], launcher: str) -> list[str]:
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
    for number in HANDED_ON:
        usual = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in asked["ignored"] else usual)
    os.chdir(asked["cwd"])
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.dont_write_bytecode = bool(asked["environment"].get("PYTHONDONTWRITEBYTECODE"))
    sys.path[0] = asked["cwd"]
    arguments: list[str] = asked["arguments"]
    sys.orig_argv[:] = [sys.executable, "-m", *arguments]
    if arguments[0] == COMMAND:
        sys.executable = launcher
    return arguments


def main() -> NoReturn:
    launcher = sys.argv[3]
    asking, launched = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    load_everything()
    # Ctrl-C is for the tests: they end, and this with them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ends = serve(asking, launched)
    asking.detach()
    launched.detach()
    module, *arguments = become(ends, launcher)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
