"""Ends this process when its loop does not move any more, and writes down what it was doing.

                       the loop beats once a second, and each beat puts off the end
  while it serves      POSIX: the system counts the processor time of the whole process, so that neither a machine that
                       sleeps nor one that is busy ends it; Windows: a clock
  once it is to end    a clock, everywhere: what waits for something must end as well as what computes

A loop that hangs in C code keeps every other thread from running Python. Neither the system's timer nor the thread
of faulthandler runs any. What is written are names of files and functions with their lines, and never a value.
"""

from __future__ import annotations

import asyncio
import faulthandler
import sys
import threading
from collections.abc import Callable
from typing import TextIO

BEAT_SECONDS = 1.0
# Far longer than a loop may be busy with one thing on a slow machine.
SERVING_CPU_SECONDS = 20.0
SERVING_SECONDS = 60.0
ENDING_SECONDS = 6.0


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
        self._arming = threading.Lock()

    async def watch(self, at_each_beat: Callable[[], None] = lambda: None) -> None:
        """Beat until cancelled. The end that is being put off then stays ordered once the process is to end."""
        self._count_processor_time()
        while True:
            at_each_beat()
            self._put_off()
            await asyncio.sleep(self._beat_seconds)

    def ending(self) -> None:
        """The process is to end: from now on the loop must move every few seconds. From any thread."""
        with self._arming:
            first, self._ending = not self._ending, True
        if first:
            self._put_off()

    def _put_off(self) -> None:
        with self._arming:
            if self._ending:
                faulthandler.dump_traceback_later(self._ending_seconds, exit=True, file=self._file)
            elif sys.platform == "win32":
                faulthandler.dump_traceback_later(SERVING_SECONDS, exit=True, file=self._file)
            else:
                import signal

                signal.setitimer(signal.ITIMER_PROF, self._serving_cpu_seconds)

    def _count_processor_time(self) -> None:
        if sys.platform != "win32":
            import signal

            # Writes in the handler itself, which needs no turn of the interpreter, and then lets the signal end us.
            faulthandler.register(signal.SIGPROF, file=self._file, all_threads=False, chain=True)
