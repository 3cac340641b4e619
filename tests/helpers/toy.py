"""A server whose methods are toys: `python -m tests.helpers.toy`. What it serves is the pipe itself."""

# ruff: noqa: E402 -- the streams are taken before anything else is imported, as the sidecar does.

from __future__ import annotations

from sidecar.rpc.stdio import WireStreams

STREAMS = WireStreams.take() if __name__ == "__main__" else None

import argparse
import asyncio
import logging
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from sidecar.errors import Failure
from sidecar.rpc.call import Call
from sidecar.rpc.codec import Raw
from sidecar.rpc.dispatch import Route
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.server import serve


@dataclass(frozen=True)
class Kind:
    """A row of the table of errors."""

    code: int
    retryable: bool
    sentence: str


ERRORS = {
    "parse_error": Kind(-32700, False, "The message is not JSON."),
    "invalid_request": Kind(-32600, False, "The message is not a request."),
    "method_not_found": Kind(-32601, False, "There is no such method."),
    "invalid_params": Kind(-32602, False, "The parameters are wrong."),
    "internal_error": Kind(-32603, False, "Something went wrong inside. The log has the details."),
    "cancelled": Kind(-32800, False, "The request was cancelled."),
    "rate_limited": Kind(-32012, True, "Too many requests."),
    "message_too_large": Kind(-32040, False, "The message is too large."),
    "shutting_down": Kind(-32050, True, "The back end is shutting down."),
    "overloaded": Kind(-32051, True, "Too many requests at once."),
}


@dataclass
class Toys:
    """What the toy methods share."""

    outbox: Outbox = field(default_factory=Outbox)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0


async def echo(call: Call[Toys], params: Any) -> Any:
    call.services.calls += 1
    return params


async def fail(call: Call[Toys], params: Any) -> Any:
    raise Failure("rate_limited", "Wait a moment, then try again.", provider="toy", retry_after_ms=1500)


async def crash(call: Call[Toys], params: Any) -> Any:
    raise ValueError("a text that nobody may see")


async def leave(call: Call[Toys], params: Any) -> Any:
    sys.exit(3)


async def unserialisable(call: Call[Toys], params: Any) -> Any:
    return object()


async def numbers(call: Call[Toys], params: Any) -> Any:
    return [float("nan"), float("inf"), 2**70, "\ud800"]


async def raw(call: Call[Toys], params: Any) -> Any:
    return Raw(b'{\n  "ready": true\n}')


async def shout(call: Call[Toys], params: Any) -> Any:
    """Everything that could end up between two frames: a print, the C level, a child process."""
    print("printed")
    os.write(1, b"written to descriptor 1\n")
    child = [sys.executable, "-c", "import sys; print('a child with', repr(sys.stdin.read()))"]
    await asyncio.to_thread(subprocess.run, child, check=True)
    return "shouted"


async def flood(call: Call[Toys], params: Any) -> Any:
    """`count` times `text` as progress, every 500 in a turn of the loop, with a job's progress beside it."""
    for number in range(params["count"]):
        call.progress({"type": "text", "text": params["text"]})
        if number % 500 == 0:
            call.notify("job:progress", {"done": number}, merge_key="job")
            await asyncio.sleep(0)
    call.notify("job:progress", {"done": params["count"]}, merge_key="job")
    call.progress({"type": "done"})
    print("the flood is over", file=sys.stderr, flush=True)
    return {"count": params["count"]}


async def wait(call: Call[Toys], params: Any) -> Any:
    """Until it is cancelled; what it does then takes a turn of the loop, as a commit would."""
    call.notify("toy:waiting")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.shield(asyncio.create_task(_settle(call)))


async def _settle(call: Call[Toys]) -> None:
    await asyncio.sleep(0)
    call.notify("toy:settled")


async def finish(call: Call[Toys], params: Any) -> Any:
    """Ends only when the server has begun to stop."""
    call.notify("toy:waiting")
    await call.services.stopping.wait()
    return "finished"


async def big(call: Call[Toys], params: Any) -> Any:
    call.services.calls += 1
    return "x" * params["bytes"]


def _any(params: dict[str, Any] | None) -> Any:
    return params


def _strict(params: dict[str, Any] | None) -> Any:
    if params is None or "name" not in params:
        issue = {"path": "name", "message": "is missing"}
        raise Failure("invalid_params", "Give a name.", issues=[issue])
    return params


HANDLERS = (echo, fail, crash, leave, unserialisable, numbers, raw, shout, flood, wait, finish, big)
ROUTES = {
    **{handler.__name__: Route(handler.__name__, handler, _any) for handler in HANDLERS},
    "strict": Route("strict", echo, _strict),
    "told": Route("told", echo, _any, notification=True),
}


async def main(streams: WireStreams, grace_seconds: float, max_message_bytes: int) -> None:
    toys = Toys()
    await serve(
        ROUTES,
        toys,
        errors=ERRORS,
        streams=streams,
        grace_seconds=grace_seconds,
        max_message_bytes=max_message_bytes,
        on_stopping=toys.stopping.set,
        notifier=toys.outbox,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--grace", type=float, default=5.0)
    parser.add_argument("--max-message-bytes", type=int, default=64 * 1024 * 1024)
    flags = parser.parse_args()
    logging.basicConfig(level="WARNING", stream=sys.stderr)
    assert STREAMS is not None
    asyncio.run(main(STREAMS, flags.grace, flags.max_message_bytes))
