"""The flight recorder: takes what crosses on the loop's thread, and writes it down on a thread of its own."""

from __future__ import annotations

import errno
import logging
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sidecar.recorder import lines
from sidecar.recorder.reassembly import Reassembler
from sidecar.recorder.redaction import Redaction
from sidecar.shortages import NO_ROOM
from sidecar.store.atomic_files import PRIVATE_FILE, is_inside

log = logging.getLogger("sidecar.recorder")

MAX_FILE_BYTES = 256 * 1024 * 1024
# What may wait to be written. What comes beyond it is counted and not kept.
MAX_WAITING_BYTES = 64 * 1024 * 1024
CLOSE_SECONDS = 5.0
ENDING = ".jsonl"
_RESERVED_BYTES = 200

_Job = tuple[Callable[[], bytes], int]


class Recorder:
    """Appends to its file line by line, so that a crash leaves all but the last moment. It never waits and
    never raises: a recording that cannot go on says so in the log, and ends. On a full disk it goes on once there is
    room, and says how much it lacks."""

    def __init__(
        self,
        path: Path,
        redaction: Redaction,
        about: Mapping[str, Any],
        *,
        max_bytes: int = MAX_FILE_BYTES,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        data_dir: Path | None = None,
    ) -> None:
        self.redaction = redaction
        self._path = path
        self._data_dir = data_dir
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting_bytes
        self._begun = time.monotonic()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._count = threading.Lock()
        self._waiting = 0
        self._lost = 0
        self._exchanges = 0
        self._stopped = False
        self._room_told = False
        self._reassembler = Reassembler(redaction)
        self._put(lambda: lines.meta(**redaction.value(dict(about))), 0)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def arrived(self, frame: object) -> None:
        """A frame of the client, what else arrived in the place of one, or None at the end of the input."""
        at = self._now()
        if frame is None:
            self._put(lambda: lines.meta(eof={"at": at}), 0)
        elif isinstance(frame, bytes):
            self._put(lambda: lines.received(frame, at, self.redaction), len(frame))
        else:
            members = {"at": at, "bytes": getattr(frame, "size", 0), "reason": type(frame).__name__.lower()}
            self._put(lambda: lines.meta(unreadable=members), 0)

    def sent(self, body: bytes) -> None:
        """A message as it leaves for the client."""
        at = self._now()
        self._put(lambda: lines.sent(body, at, self.redaction), len(body))

    def key_known(self, provider: str, key: str) -> None:
        """A saved key was read: it is hidden from now on, and that there was one is written down."""
        self.redaction.learn(key)
        self._put(lambda: lines.meta(key={"provider": provider}), 0)

    def next_exchange(self) -> int:
        """The number under which the next request to the network is known."""
        self._exchanges += 1
        return self._exchanges

    def asked(
        self, number: int, method: str, url: str, headers: Mapping[str, str], body: bytes, size: int
    ) -> None:
        at = self._now()

        def write_down() -> bytes:
            line = lines.asked(number, at, method, url, headers, body, size, self.redaction)
            if self.redaction.quoted(body):
                self._reassembler.leave_out(number)
            return line

        self._put(write_down, len(body))

    def answered(self, number: int, status: int, headers: Mapping[str, str]) -> None:
        at = self._now()

        def write_down() -> bytes:
            if headers.get("content-encoding", "identity").lower() != "identity":
                # Nobody sees into what is packed, and a key may be in it.
                self._reassembler.leave_out(number)
            return lines.answered(number, at, status, headers, self.redaction)

        self._put(write_down, 0)

    def chunk(self, number: int, data: bytes) -> None:
        at = self._now()
        self._put(lambda: self._reassembler.add(number, at, data), len(data))

    def exchange_ended(self, number: int, how: Any) -> None:
        at = self._now()
        self._put(lambda: self._reassembler.end(number, at, how), 0)

    def close(self) -> None:
        """Writes what waits. Blocking, for a few seconds at most."""
        at = self._now()
        self._put(lambda: lines.meta(end={"at": at}), 0)
        self._jobs.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("the recording could not be written to its end in time")

    def _now(self) -> int:
        return int((time.monotonic() - self._begun) * 1000)

    def _put(self, make: Callable[[], bytes], size: int) -> None:
        if self._stopped:
            return
        with self._count:
            if self._waiting and self._waiting + size > self._max_waiting:
                self._lost += 1
                return
            self._waiting += size
        self._jobs.put((make, size))

    def _run(self) -> None:
        try:
            # Nothing of the app's own has this ending: anything else could be the database.
            if self._data_dir and self._path.suffix != ENDING and is_inside(self._path, self._data_dir):
                raise OSError(errno.EINVAL, f"in the data folder its name has to end with {ENDING}")
            file = open_to_append(self._path)
        except OSError as problem:
            self._stop(f"the recording cannot be written: {problem.strerror}")
            return
        try:
            written = os.fstat(file).st_size
            while (job := self._jobs.get()) is not None:
                if not self._stopped:
                    written += self._write(file, written, job)
        finally:
            os.close(file)

    def _write(self, file: int, written: int, job: _Job) -> int:
        make, size = job
        with self._count:
            self._waiting -= size
            lost, self._lost = self._lost, 0
        try:
            data = (lines.meta(lost=lost) if lost else b"") + make()
        except Exception:
            log.exception("something that crossed could not be recorded")
            return 0
        full = written + len(data) > self._max_bytes - _RESERVED_BYTES
        if full:
            data = lines.meta(stopped="the file has reached its limit")
            self._stop(f"the recording has reached its limit of {self._max_bytes} bytes and goes no further")
        try:
            write_whole(file, data)
        except OSError as problem:
            with suppress(OSError):
                os.ftruncate(file, written)
                os.lseek(file, written, os.SEEK_SET)
            self._not_written(lost + 1, problem)
            return 0
        return len(data)

    def _not_written(self, lost: int, problem: OSError) -> None:
        if problem.errno not in NO_ROOM:
            self._stop(f"the recording cannot go on: {problem.strerror}")
            return
        with self._count:
            self._lost += lost
        if not self._room_told:
            self._room_told = True
            log.warning(
                "the disk is full: the recording goes on once there is room, and lacks what crosses till then"
            )

    def _stop(self, why: str) -> None:
        self._stopped = True
        log.warning("%s", why)


def open_to_append(path: Path) -> int:
    """A descriptor at the end of the last whole line; the file is made for its owner alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    # Never through a link, and never waiting for whoever reads a pipe.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    file = os.open(path, flags, PRIVATE_FILE)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        # One of before, or of somebody else's making, may be open to others.
        if hasattr(os, "fchmod"):
            os.fchmod(file, PRIVATE_FILE)
        end = os.lseek(file, 0, os.SEEK_END)
        # A line that a crash has cut is no line.
        whole = _after_last_line(file, end)
        os.ftruncate(file, whole)
        os.lseek(file, whole, os.SEEK_SET)
    except OSError:
        os.close(file)
        raise
    return file


def write_whole(file: int, data: bytes) -> None:
    with memoryview(data) as view:
        position = 0
        while position < len(view):
            position += os.write(file, view[position:])


def _after_last_line(file: int, end: int) -> int:
    step = 64 * 1024
    while end > 0:
        start = max(0, end - step)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
