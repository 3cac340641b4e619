"""The other end of `process.py`: reads one task after the other from its input, and ends with it.

    4 bytes length, JSON {"text", "schema", "finish", "value"}   ─▶
    ◀─   1 byte, once: it is ready
    ◀─   4 bytes length, JSON {"value"} or {"problem"}

A task {"pattern", "ignoreCase", "texts"} is answered with {"found"}, a truth for each text, or {"problem"}.

Nothing in here can be trusted to end. The system ends the process when a task has used up its processor time, or the
memory that a process may have; where it knows no such limit, a thread that needs nobody's leave looks at the clock.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from sidecar.checker import patterns
from sidecar.checker.bounds import CPU_SECONDS, MEMORY_BYTES, WALL_SECONDS
from sidecar.errors import Failure

LENGTH_BYTES = 4
READY = b"."
NO_MEMORY = {"gave_up": "memory"}
A_BUG = {"gave_up": "bug"}


def main() -> int:
    """Serve until the input ends. Give the exit code."""
    tasks = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    # No print of a library can get in between the answers.
    os.dup2(2, 1)
    from sidecar.chat.json_output import validate

    with suppress(Failure):
        # What a first check imports is in place before the time is counted.
        validate.read_reply("{}", {"type": "object", "required": ["a"]})
    limit_memory()
    answers.write(READY)
    with Path(os.devnull).open("w") as nowhere:
        while (head := tasks.read(LENGTH_BYTES)) and len(head) == LENGTH_BYTES:
            body = tasks.read(int.from_bytes(head, "big"))
            faulthandler.dump_traceback_later(WALL_SECONDS, exit=True, file=nowhere)
            count_down(CPU_SECONDS)
            answer = packed(carry_out(body))
            count_down(0)
            faulthandler.cancel_dump_traceback_later()
            _write_all(answers, answer)
    return 0


def carry_out(body: bytes) -> dict[str, Any]:
    """Return what comes of one task."""
    from sidecar.chat.json_output import validate

    try:
        task = json.loads(body)
        if "pattern" in task:
            return patterns.search(task)
        value = validate.read_reply(task["text"], task["schema"], task["finish"])
        return {"value": value if task["value"] else None}
    except Failure as failure:
        return {"problem": failure.message}
    except MemoryError:
        return NO_MEMORY
    except Exception:  # told to the one who waits, which has the log
        return A_BUG


def packed(answer: dict[str, Any]) -> bytes:
    """Return a message with its length before it."""
    try:
        body = json.dumps(answer).encode("ascii")
    except MemoryError:
        body = json.dumps(NO_MEMORY).encode("ascii")
    except RecursionError:
        body = json.dumps(A_BUG).encode("ascii")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def count_down(seconds: float) -> None:
    """Let the system end this process when it has used so much of the processor; 0 stops that."""
    if sys.platform != "win32":
        import signal

        # Nobody handles the signal, so it needs no turn of the interpreter.
        signal.setitimer(signal.ITIMER_PROF, seconds)


def limit_memory() -> None:
    """Let the system refuse this process more than `MEMORY_BYTES` beyond what it has now, where it can."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _write_all(answers: BinaryIO, data: bytes) -> None:
    with memoryview(data) as view:
        position = 0
        while position < len(view):
            position += answers.write(view[position:])
