"""A process beside this one that ends it when it is to end and hangs, even in C code that lets no Python run.

    the client ── the input ends ──▶ sentinel ◀── a byte for each signal to end, written by the C handler ── sidecar
    the parent ── ends ────────────▶    │     ◀── beats of the loop, in a page that both have ─────────────     │
                                        └── no beat for ENDING_SECONDS: SIGPROF, which writes where it hangs ──▶┘

It is a fork from the first moment of the process, before there is a thread: it shares all memory with it, sleeps until
something of the above comes, and ends with it. Windows has no fork: there the watchdog's clock alone ends what hangs.
"""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import mmap
    import select
    import signal
    import time
    from contextlib import suppress
    from typing import NoReturn

# The loop beats each second. Together with what the kill itself takes this stays below five seconds.
ENDING_SECONDS = 4.4
# How long the trace may take before the process is ended without.
TRACE_SECONDS = 0.4
# Where the end of another process cannot be waited for, it is looked for so often.
LOOK_SECONDS = 1.0
_BEATS = 8


class Sentinel:
    """What the watched process holds: `signals` is to be its wakeup descriptor for signals, None without a sentinel."""

    def __init__(self, signals: int | None = None, page: mmap.mmap | None = None) -> None:
        self.signals = signals
        self._page = page

    @classmethod
    def post(cls, ending_seconds: float = ENDING_SECONDS) -> Sentinel:
        """Start one for this process. To be called while there is one thread, and standard input is the client's."""
        if sys.platform == "win32":
            return cls()
        page = mmap.mmap(-1, _BEATS)
        signals_read, signals_write = os.pipe()
        os.set_blocking(signals_write, False)
        watched, parent = os.getpid(), os.getppid()
        if os.fork() == 0:
            _watch(page, signals_read, signals_write, watched, parent, ending_seconds)
        os.close(signals_read)
        return cls(signals_write, page)

    def beat(self) -> None:
        """Say that the loop moves."""
        if self._page is not None:
            self._page[:] = (int.from_bytes(self._page[:], sys.byteorder) + 1).to_bytes(_BEATS, sys.byteorder)


if sys.platform != "win32":

    def _watch(
        page: mmap.mmap, signals: int, ours: int, watched: int, parent: int, ending_seconds: float
    ) -> NoReturn:
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)
            # A pipe of the client's that is held here would keep the client waiting for its end.
            os.close(ours)
            os.close(1)
            os.close(2)
            while not _is_to_end(signals, parent):
                pass
            while not _hangs(page, signals, ending_seconds):
                pass
            _end(signals, watched)
        finally:
            # Nobody is there to be told of a bug in here.
            os._exit(0)

    def _is_to_end(signals: int, parent: int) -> bool:
        """Sleep until something has come. Leave this process when the watched one has ended."""
        waiting = select.poll()
        waiting.register(0, getattr(select, "POLLRDHUP", 0))
        waiting.register(signals, select.POLLIN)
        gone = _end_of(parent)
        if gone is not None:
            waiting.register(gone, select.POLLIN)
        look = LOOK_SECONDS * 1000 if gone is None and parent > 1 else None
        found = dict(waiting.poll(look))
        if signals in found and not os.read(signals, 1):
            os._exit(0)
        return bool(found) or _has_ended(parent)

    def _hangs(page: mmap.mmap, signals: int, seconds: float) -> bool:
        """Whether the loop, which has moved before, does not move for so long."""
        before = page[:]
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            _leave_with(signals, left)
        return any(before) and page[:] == before

    def _end(signals: int, watched: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(watched, signal.SIGPROF)
            end = time.monotonic() + TRACE_SECONDS
            while (left := end - time.monotonic()) > 0:
                _leave_with(signals, left)
            os.kill(watched, signal.SIGKILL)

    def _leave_with(signals: int, seconds: float) -> None:
        """Wait so long at most; leave this process when the watched one has ended."""
        readable, _, _ = select.select([signals], [], [], seconds)
        if readable and not os.read(signals, 4096):
            os._exit(0)

    def _end_of(pid: int) -> int | None:
        """What becomes readable when the process ends, None where the system has no such thing."""
        if pid <= 1 or not hasattr(os, "pidfd_open"):
            return None
        try:
            return os.pidfd_open(pid)
        except OSError:
            return None

    def _has_ended(pid: int) -> bool:
        if pid <= 1:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
