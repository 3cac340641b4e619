"""A process that says what it finds itself in, and leaves as told: `python -m tests.helpers.introducing CODE`."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path


def found() -> dict[str, object]:
    """Return what a start decides. Numbers of processes and open files are not in it, but how many are open."""
    umask = os.umask(0)
    return {
        "arguments": sys.argv,
        "command": sys.orig_argv,
        "environment": dict(os.environ),
        "file": __file__,
        # What writes compiled modules asks below.
        "flags": re.sub("dont_write_bytecode=[01]", "", str(sys.flags)),
        "folder": str(Path.cwd()),
        "modules from": sys.path,
        "group": os.getpgrp() == os.getpgid(os.getppid()),
        "open": sorted(int(number) for number in os.listdir("/proc/self/fd") if int(number) <= 2),  # noqa: PTH208
        "more open": len(os.listdir("/proc/self/fd")) - 4,  # noqa: PTH208
        "signals": {number.name: str(signal.getsignal(number)) for number in signal.Signals},
        "streams": [str((each.encoding, each.errors)) for each in (sys.stdin, sys.stdout, sys.stderr)],
        "threads": threading.active_count(),
        "umask": umask,
        "zone": time.tzname,
        "warnings": sys.warnoptions,
        "no bytecode": sys.dont_write_bytecode,
        "said": sys.stdin.read(),
    }


if __name__ == "__main__":
    print(json.dumps(found()))
    print("left", file=sys.stderr)
    sys.exit(int(sys.argv[1]))
