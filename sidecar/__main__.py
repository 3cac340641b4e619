"""`abai-sidecar serve`, `abai-sidecar simulator` and `abai-sidecar replay`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import NoReturn, cast

from sidecar import __version__

USAGE = f"""abai-sidecar {__version__}

  abai-sidecar serve [--data-dir DIR] [--mock]    serve JSON-RPC 2.0 over stdin and stdout
  abai-sidecar simulator [--port N]               serve the vendors' APIs on loopback, simulated
  abai-sidecar replay FILE...                     say whether this sidecar does what `serve --record` recorded

Add --help to any for its flags."""


ON_A_TERMINAL = """A-B/AI waits for JSON-RPC requests, one a line, for example
  {"jsonrpc": "2.0", "id": 1, "method": "system:health"}
Ctrl-D ends it. For people there is `abai`.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["serve"]:
        return _serve(given[1:])
    if given[:1] == ["simulator"]:
        from sidecar.simulator.server import main as simulator

        return simulator(given[1:], sys.stdout)
    if given[:1] == ["replay"]:
        return _replay(given[1:])
    if given[:1] == ["check"]:
        from sidecar.checker.worker import main as check

        return check()
    asked = given[:1] in (["--help"], ["-h"], ["help"], ["--version"])
    (sys.stdout if asked else sys.stderr).write(USAGE + "\n")
    return 0 if asked else 2


def _serve(arguments: Sequence[str]) -> int:
    from sidecar.errors import Failure

    try:
        _serve_until_the_client_is_gone(arguments)
    except Failure as failure:
        sys.stderr.write(failure.message + "\n")
        return 2
    except OSError as error:
        from sidecar.shortages import shortage

        lacking = shortage(error)
        if lacking is None:
            raise
        sys.stderr.write(lacking.message + "\n")
        return 2
    return 0


def _serve_until_the_client_is_gone(arguments: Sequence[str]) -> None:
    """Raise Failure, and OSError where the machine lacks what a process needs."""
    from sidecar.config import parse_serve

    config = parse_serve(arguments, os.environ)
    if os.isatty(0):
        sys.stderr.write(ON_A_TERMINAL)
    # Before there is a second thread, and while standard input is the client's.
    from sidecar.sentinel import Sentinel

    sentinel = Sentinel.post()
    # Before anything heavy is imported: the client's first bytes are read meanwhile, and no print reaches the wire.
    from sidecar.rpc.stdio import WireStreams

    streams = WireStreams.take()
    from sidecar.known_secrets import KnownSecrets
    from sidecar.logs import start_logging

    # httpx has a command line of its own, for which it loads all that draws on a terminal: a third of its time.
    sys.modules["httpx._main"] = cast(ModuleType, None)
    secrets = KnownSecrets()
    start_logging(config.log_level, config.log_format, secrets=secrets)
    from sidecar.app import run

    run(config, streams, secrets, sentinel)


def _replay(arguments: Sequence[str]) -> int:
    from sidecar.app import serve_inside
    from sidecar.logs import start_logging
    from sidecar.recorder.command import main as replay

    start_logging("error", "text")
    return replay(arguments, sys.stdout, serve_inside)


def leave(code: int) -> NoReturn:
    """End this process, in which all is put away.

    The interpreter would yet take itself apart, object by object: a busy machine was seen to take seconds for that, and
    whoever waits for the end takes it for a hang.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
