"""The interpreter of a command that was forked: it has the sidecar that the command starts forked too.

A command starts `sys.executable -m sidecar serve`. That is then a script of the fork server's, which comes here: it
hands its streams and environment on, waits, and ends as the sidecar does. A signal that ends it ends the sidecar: its
line to the server breaks off. Whatever else the command starts runs in the real interpreter. Little is loaded here.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import sys
from typing import NoReturn

STARTED = ["-m", "sidecar", "serve"]
# What is ignored of these, a process that is started goes on ignoring.
HANDED_ON = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM] if sys.platform != "win32" else []
SCRIPT = """#!{python} -IS
import sys

sys.path.append({repository!r})
from tests.helpers.launching import launch

launch({address!r}, {python!r})
"""


def launch(address: str, python: str) -> NoReturn:
    """Become what was asked for by the arguments of this process."""
    if sys.argv[1:4] != STARTED:
        os.execv(python, [python, *sys.argv[1:]])
    ours, theirs = socket.socketpair()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.connect(address)
        ends = array.array("i", [0, 1, 2, theirs.fileno()])
        asking.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ends)])
    theirs.close()
    umask = os.umask(0)
    ignored = [number for number in HANDED_ON if signal.getsignal(number) is signal.SIG_IGN]
    asked = {
        "arguments": sys.argv[2:],
        "environment": {**os.environ},
        "cwd": os.getcwd(),  # noqa: PTH109
        "umask": umask,
        "ignored": ignored,
    }
    ours.sendall(json.dumps(asked).encode("ascii"))
    ours.shutdown(socket.SHUT_WR)
    # What is held here would keep whoever reads from seeing the end.
    for stream in (0, 1, 2):
        os.close(stream)
    told = b""
    while told.count(b"\n") < 2:
        piece = ours.recv(64)
        if not piece:
            os._exit(70)
        told += piece
    code = int(told.split()[1])
    if code < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(code)
