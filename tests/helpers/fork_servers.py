"""The servers that processes of the tests are forked from: the usual one, and one for what is now started often."""

from __future__ import annotations

import array
import atexit
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.helpers.fork_server import ENDS
from tests.helpers.launching import SCRIPT

REPOSITORY = Path(__file__).resolve().parents[2]
# What a sidecar of the tests is started with: what it forgets to close is told.
INTERPRETER = {"PYTHONWARNINGS": "error::ResourceWarning"}
# Read while the interpreter starts, by the loader, the C library, OpenSSL, or a library when it is loaded.
READ_AT_START = (
    *("PYTHON", "LD_", "GLIBC_", "MALLOC_", "LANG", "LC_", "TZ", "OPENSSL_", "SSLKEYLOGFILE"),
    *("AIOHTTP_", "FROZENLIST_", "HTTPX_", "MULTIDICT_", "PROPCACHE_", "PYDANTIC_", "YARL_"),
)
# Of these, what is as good said later.
SAID_LATER = ("PYTHONDONTWRITEBYTECODE",)
# A server costs as much as so many starts. Whoever has had them may be expected to go on.
OFTEN = 4


Way = frozenset[tuple[str, str]]


def way_of(environment: Mapping[str, str]) -> Way:
    """Return the variables that are read before `__main__`: a library that is laid before all others may read any."""
    if "LD_PRELOAD" in environment:
        return frozenset(environment.items())
    return frozenset(
        (name, value)
        for name, value in environment.items()
        if value and name.startswith(READ_AT_START) and name not in SAID_LATER
    )


class ForkServer:
    """One of the servers of this process. `ask` gives it the four ends, which are closed here.

    `running` is how many of its processes have not ended. `launcher` is the interpreter of a command that was forked
    (`tests/helpers/launching.py`).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.running = 0
        self._folder = tempfile.TemporaryDirectory(prefix="abai-fork-")
        self.launcher, address = (Path(self._folder.name) / name for name in ("python", "socket"))
        said = {"python": sys.executable, "repository": str(REPOSITORY), "address": str(address)}
        self.launcher.write_text(SCRIPT.format(**said), encoding="utf-8")
        self.launcher.chmod(0o700)
        launched = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        launched.bind(str(address))
        launched.listen()
        self._asking, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        numbers = [theirs.fileno(), launched.fileno()]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.fork_server", *map(str, numbers), str(self.launcher)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=numbers,
            env=environment,
            cwd=REPOSITORY,
        )
        theirs.close()
        launched.close()
        atexit.register(self.close)

    def ask(self, ends: Sequence[int]) -> None:
        assert len(ends) == ENDS
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ends))
        self._asking.sendmsg([b"f"], [rights])
        for end in ends:
            os.close(end)

    def close(self) -> None:
        """End it, and wait for that."""
        atexit.unregister(self.close)
        self._asking.close()
        self._process.wait()
        self._folder.cleanup()


class ForkServers:
    """Those of this process. What is started in another way, such as with a library, has its own once it is often."""

    def __init__(self) -> None:
        self._started: Counter[Way] = Counter()
        self._usual: ForkServer | None = None
        self._other: tuple[Way, ForkServer] | None = None

    def usual(self) -> ForkServer:
        """Return the one for the environment of the tests, started when it is first asked for."""
        if self._usual is None:
            self._usual = ForkServer({**os.environ, **INTERPRETER})
        return self._usual

    def of(self, environment: Mapping[str, str]) -> ForkServer | None:
        """Return one that was started as this environment says, None while that is not asked for often."""
        way = way_of(environment)
        if way == way_of({**os.environ, **INTERPRETER}):
            return self.usual()
        self._started[way] += 1
        if self._started[way] < OFTEN:
            return None
        if self._other is None or self._other[0] != way:
            # What was started often before has had its test, and whoever still runs has its server.
            if self._other is not None and not self._other[1].running:
                self._other[1].close()
            self._other = way, ForkServer(environment)
        return self._other[1]


SERVERS = ForkServers()
