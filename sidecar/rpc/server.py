"""One client over one pair of streams, from its first byte to the last one for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from sidecar.rpc.dispatch import MAX_MESSAGE_BYTES, Dispatcher, Route
from sidecar.rpc.framing import Frame
from sidecar.rpc.in_flight import InFlight
from sidecar.rpc.intake import Intake
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.stdio import ClientGone, WireStreams, WireWriter
from sidecar.rpc.to_wire_error import ErrorRow, Explain

log = logging.getLogger("sidecar.rpc")

GRACE_SECONDS = 5.0
# What it takes to cancel one of ten thousand on a busy machine, and to say so.
CANCEL_SECONDS = 0.0002
# How long a cancelled handler may take to put its things in order.
UNWIND_SECONDS = 1.0
# How long a client may read nothing at all before what still waits for it is given up.
STUCK_SECONDS = 1.0


async def serve(
    routes: Mapping[str, Route],
    services: Any,
    *,
    errors: Mapping[str, ErrorRow],
    streams: WireStreams,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    grace_seconds: float = GRACE_SECONDS,
    on_stopping: Callable[[], None] | None = None,
    on_stopped: Callable[[], Awaitable[None]] | None = None,
    notifier: Outbox | None = None,
    in_flight: InFlight | None = None,
    on_arrival: Callable[[Frame | None], None] | None = None,
    on_signal: Callable[[], None] = lambda: None,
    signals: int | None = None,
    explain: Explain | None = None,
) -> None:
    """Serves until the end of the stream, `exit`, a signal to end, or a client that is gone; then drains.

    Draining: no new work, `grace_seconds` for what runs, then it is cancelled and unwinds, then all answers
    leave. `on_stopped` puts away what was served from; until it has, a signal to end ends nothing: one that comes
    to a process that is ending must not cut off its last writes. `notifier` and `in_flight` may be made before,
    for services that notify or count. `on_arrival` sees each frame as it is taken, and None at the end of the
    input; it must neither wait nor raise. `on_signal` is called when a signal to end comes, even if the loop is busy,
    and when an `exit` is seen that must wait; a byte for a signal is written to the descriptor `signals` at once, even
    if no Python runs any more. `explain` may know what a person is to be told of what is no Failure.
    """
    outbox = notifier if notifier is not None else Outbox()
    stop = asyncio.Event()
    dispatcher = Dispatcher(
        routes,
        services,
        outbox,
        errors=errors,
        in_flight=in_flight,
        on_exit=stop.set,
        max_message_bytes=max_message_bytes,
        explain=explain,
    )
    with _ending_signals(stop, on_signal, signals):
        writing = asyncio.create_task(_write(outbox, streams.writer, stop))
        arrived = on_arrival if on_arrival is not None else _unseen
        intake = Intake(
            streams.reader,
            dispatcher,
            outbox,
            max_message_bytes,
            stop,
            arrived=arrived,
            on_exit_seen=on_signal,
        )
        reading = asyncio.create_task(intake.run())
        try:
            await stop.wait()
            reading.cancel()
            log.info("stopping; %d requests are running", dispatcher.in_flight.count)
            if on_stopping is not None:
                on_stopping()
            await _settle(dispatcher.in_flight, grace_seconds)
            outbox.close()
            await _flush(writing, streams.writer)
        finally:
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            if on_stopped is not None:
                await on_stopped()


def _unseen(frame: Frame | None) -> None:
    """Nobody watches."""


async def _write(outbox: Outbox, writer: WireWriter, stop: asyncio.Event) -> None:
    try:
        await outbox.run(writer.write, writer.write_now)
    except ClientGone:
        log.info("the client does not read any more")
        outbox.discard()
    finally:
        stop.set()


async def _settle(in_flight: InFlight, grace_seconds: float) -> None:
    """Lets what runs finish, then cancels it and lets it unwind. The more there is, the sooner: that takes time too."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, grace_seconds - in_flight.count * CANCEL_SECONDS)):
            await in_flight.idle()
            return
    log.warning("%d requests are cancelled", in_flight.count)
    in_flight.cancel_all()
    try:
        async with asyncio.timeout(UNWIND_SECONDS):
            await in_flight.idle()
    except TimeoutError:
        log.error("%d requests did not end when they were cancelled", in_flight.count)


async def _flush(writing: asyncio.Task[None], writer: WireWriter) -> None:
    """Waits for the last bytes as long as the client takes any."""
    before = -1
    while not writing.done() and writer.bytes_written != before:
        before = writer.bytes_written
        await asyncio.wait({writing}, timeout=STUCK_SECONDS)
    if not writing.done():
        log.warning("the client does not read; what waits for it is given up")


@contextlib.contextmanager
def _ending_signals(
    stop: asyncio.Event, on_signal: Callable[[], None], signals: int | None
) -> Iterator[None]:
    """Makes the signals that end a process end the serving instead."""
    loop = asyncio.get_running_loop()
    restore: list[Callable[[], object]] = []
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            restore.append(_on_signal(loop, number, stop, on_signal))
        except (ValueError, RuntimeError):
            # Not in the main thread: whoever runs the loop there has the signals.
            break
    if restore and signals is not None:
        # In place of the loop's own, which is told by the handler.
        signal.set_wakeup_fd(signals, warn_on_full_buffer=False)
    try:
        yield
    finally:
        for undo in restore:
            undo()


def _on_signal(
    loop: asyncio.AbstractEventLoop, number: int, stop: asyncio.Event, on_signal: Callable[[], None]
) -> Callable[[], object]:
    def between_two_instructions(*_: object) -> None:
        on_signal()
        loop.call_soon_threadsafe(stop.set)

    if sys.platform == "win32":
        before = signal.signal(number, between_two_instructions)
        return lambda: signal.signal(number, before)
    # Wakes the loop when a signal comes to another thread than the loop's.
    loop.add_signal_handler(number, stop.set)
    # In place of the loop's own, which does nothing.
    signal.signal(number, between_two_instructions)
    signal.siginterrupt(number, False)
    return lambda: loop.remove_signal_handler(number)
