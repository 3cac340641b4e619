"""Ends this process when its loop does not move any more, or when it takes too long to end.

  while it serves      the loop beats once a second, and each beat puts off the end. POSIX: the system counts the
                       processor time of the whole process, so that neither a machine that sleeps nor one that is
                       busy ends it; Windows: a clock
  once it is to end    a clock, everywhere, and nothing puts it off: what was acknowledged is on the disk, and the rest
                       goes on at the next start

A loop that hangs in C code keeps every other thread from running Python. Neither the system's timer nor the thread
of faulthandler runs any, and they write down what the process was doing: names of files and functions with their
lines, never a value. That the process is to end is then seen by the `sentinel` alone.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

log = logging.getLogger("sidecar")

BEAT_SECONDS = 1.0
# Far longer than a loop may be busy with one thing on a slow machine.
SERVING_CPU_SECONDS = 20.0
SERVING_SECONDS = 60.0
# Together with what an exit takes this is below five seconds.
ENDING_SECONDS = 4.6
# How much longer for a process that runs no Python any more.
STUCK_SECONDS = 0.2


class Watchdog:
    """Made in the process that it is to end: there is one timer of each kind in a process."""

    def __init__(
        self,
        file: TextIO = sys.stderr,
        *,
        beat_seconds: float = BEAT_SECONDS,
        serving_cpu_seconds: float = SERVING_CPU_SECONDS,
        ending_seconds: float = ENDING_SECONDS,
    ) -> None:
        self._file = file
        self._beat_seconds = beat_seconds
        self._serving_cpu_seconds = serving_cpu_seconds
        self._ending_seconds = ending_seconds
        self._ending = False
        self._beaten = time.monotonic()
        # A signal's handler runs between any two instructions, those that hold this included.
        self._arming = threading.RLock()

    async def watch(self, at_each_beat: Callable[[], None] = lambda: None) -> None:
        """Beat until cancelled. Once the process is to end it ends, whether this goes on or not."""
        self._count_processor_time()
        while True:
            at_each_beat()
            self._beaten = time.monotonic()
            self._put_off()
            await asyncio.sleep(self._beat_seconds)

    def ending(self) -> None:
        """The process is to end, and ends within `ending_seconds` from now on. From any thread, and from a signal."""
        self._end_within(self._ending_seconds)

    def input_ended(self) -> None:
        """As `ending`. A loop that was busy may see the end of its input late: the time that it took is taken off."""
        since_beat = time.monotonic() - self._beaten
        self._end_within(time_left(self._ending_seconds, since_beat, self._beat_seconds))

    def _end_within(self, seconds: float) -> None:
        with self._arming:
            if self._ending:
                return
            self._ending = True
            faulthandler.dump_traceback_later(seconds + STUCK_SECONDS, exit=True, file=self._file)
        last = threading.Timer(seconds, self._leave)
        last.daemon = True
        last.start()

    def _leave(self) -> None:
        """End the process from the timer's thread, where Python still runs."""
        if time.monotonic() - self._beaten > 2 * self._beat_seconds:
            faulthandler.dump_traceback(file=self._file)
            os._exit(1)
        log.warning("what was still running was left as it is on the disk; it goes on at the next start")
        os._exit(0)

    def _put_off(self) -> None:
        if sys.platform == "win32":
            with self._arming:
                if not self._ending:
                    faulthandler.dump_traceback_later(SERVING_SECONDS, exit=True, file=self._file)
        else:
            import signal

            signal.setitimer(signal.ITIMER_PROF, self._serving_cpu_seconds)

    def _count_processor_time(self) -> None:
        if sys.platform != "win32":
            import signal

            # Writes in the handler itself, which needs no turn of the interpreter, and then lets the signal end us.
            faulthandler.register(signal.SIGPROF, file=self._file, all_threads=True, chain=True)


def time_left(seconds: float, since_beat: float, beat_seconds: float) -> float:
    """How much of the seconds is left where the loop may not have looked since its last beat."""
    return seconds if since_beat <= 2 * beat_seconds else max(0.0, seconds - since_beat)
