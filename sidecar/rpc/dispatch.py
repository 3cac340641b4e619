"""Requests to handlers and handlers' outcomes to responses.

A request of a known method that has a result is answered here, by the shortest way. All else goes by jsonrpcserver:
methods that nobody serves, notifications, errors. What it must not see or decide is kept from it: parsing, params,
cancellation and the text of exceptions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from sidecar.errors import Failure
from sidecar.rpc import codec
from sidecar.rpc.call import Call
from sidecar.rpc.envelope import Request, cancelled_ids, id_of, named_params, progress_token, read_request
from sidecar.rpc.gathered_replies import GatheredReplies
from sidecar.rpc.in_flight import InFlight, RunningRequest
from sidecar.rpc.outbox import Outbox
from sidecar.rpc.to_wire_error import ErrorRow, Explain, to_wire_error

if TYPE_CHECKING:
    from sidecar.rpc.jsonrpc_library import Result

log = logging.getLogger("sidecar.rpc")

# Whoever asks for these wants to know whether anybody is there, or to end it.
ALWAYS_TAKEN = frozenset({"system:health", "shutdown"})
_NEVER_WAIT = frozenset({*ALWAYS_TAKEN, "exit", "$/cancelRequest"})
RETRY_AFTER_MS = 2_000
OVERLOADED = "A-B/AI is busy with as many requests as it takes at once. Wait a moment, then try again."
# Requests in one batch of JSON-RPC: each of them is answered, and all answers are kept until the last is there.
MAX_BATCH = 1_000
EMPTY_BATCH = "The batch is empty. Send at least one request in it."
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

Reply = Callable[[bytes | None], None]
Outcome = Callable[[RunningRequest], Awaitable["Result"]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method: `parse` turns the params object (or None) into what the handler takes, or raises Failure.

    A result is anything JSON can say, or `codec.Raw`. A notification's result is never shown: asked with an
    id, it answers null. `parse` may give what is to be awaited. `load` gives what is to be awaited before, or None when
    all is there. A large message with a method that is `aside` may be taken up after those that came behind it.
    """

    name: str
    handler: Callable[[Call[Any], Any], Awaitable[Any]]
    parse: Callable[[dict[str, Any] | None], Any]
    notification: bool = False
    load: Callable[[], Awaitable[None] | None] | None = None
    aside: bool = False


class Dispatcher:
    """Takes parsed messages, sends responses to the outbox in the order in which they are ready."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        services: Any,
        outbox: Outbox,
        *,
        errors: Mapping[str, ErrorRow],
        in_flight: InFlight | None = None,
        on_exit: Callable[[], None] = lambda: None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        explain: Explain | None = None,
    ) -> None:
        self._max_bytes = max_message_bytes
        self._services = services
        self._outbox = outbox
        self._errors = errors
        self._on_exit = on_exit
        self._explain = explain
        self.in_flight = in_flight if in_flight is not None else InFlight()
        self._shut_down = False
        # The ids of requests that are being read, and whether they were cancelled meanwhile.
        self._unread: dict[Any, bool] = {}
        self._routes = {"shutdown": Route("shutdown", _nothing, lambda params: params), **routes}

    def accepted_at_once(self, message: Any) -> bool:
        """Starts a single request where nothing has to be waited for, as nearly always; False is for `accept`."""
        if isinstance(message, list) or self.in_flight.is_full:
            return False
        try:
            request = read_request(message)
        except Failure as failure:
            self.refuse(failure, id_of(message))
        else:
            self._start(request, self._reply)
        return True

    async def accept(self, message: Any, over: Callable[[], None] = lambda: None) -> None:
        """Starts what one frame asks for, a batch too, and waits when too much runs. `over`: all of it is answered."""

        def reply(body: bytes | None) -> None:
            self._reply(body)
            over()

        if not isinstance(message, list):
            await self._start_below_limit(message, reply)
        elif not message or len(message) > MAX_BATCH:
            words = f"The batch has {len(message):,} requests; at most {MAX_BATCH:,} are taken at once. Send fewer."
            reply(self._error(None, Failure("invalid_request", words if message else EMPTY_BATCH)))
        else:
            batch = GatheredReplies(len(message), self._outbox, self._max_bytes, over)
            for element in message:
                await self._start_below_limit(element, batch.add)

    def is_aside(self, method: str | None) -> bool:
        """Whether a large message with that method may be taken up after those that came behind it."""
        route = self._routes.get(method or "")
        return route is not None and route.aside

    async def accept_later(
        self,
        id: Any,  # noqa: A002
        reading: Awaitable[Any],
        over: Callable[[], None] = lambda: None,
    ) -> None:
        """As `accept`, of a request whose message is still to be read. It can be cancelled meanwhile.

        Raises what reading it raises.
        """
        self._unread[id] = False
        try:
            message = await reading
        finally:
            cancelled = self._unread.pop(id, False)
        await self.accept(message, over)
        if cancelled:
            self.in_flight.cancel(id)

    def refuse(self, failure: Failure, id: Any = None) -> None:  # noqa: A002
        """Answers something that could not be taken as a request."""
        self._outbox.send(self._error(id, failure))

    async def _start_below_limit(self, message: Any, reply: Reply) -> None:
        """Waits while too much runs, and refuses the request where that does not end."""
        try:
            request = read_request(message)
        except Failure as failure:
            reply(self._error(id_of(message), failure))
            return
        must_wait = self.in_flight.is_full and not self._shut_down and request.method not in _NEVER_WAIT
        if must_wait and not await self.in_flight.below_limit():
            refused = Failure("overloaded", OVERLOADED, retry_after_ms=RETRY_AFTER_MS)
            reply(None if request.is_notification else self._error(request.id, refused))
        else:
            self._start(request, reply)

    def _start(self, request: Request, reply: Reply) -> None:
        if request.method == "exit":
            reply(None if request.is_notification else _success(request.id))
            self._on_exit()
        elif self._shut_down:
            refused = Failure("shutting_down", "The back end is shutting down. Start it again to go on.")
            reply(None if request.is_notification else self._error(request.id, refused))
        elif request.method == "$/cancelRequest":
            for cancelled in cancelled_ids(request.params):
                self.in_flight.cancel(cancelled)
                if cancelled in self._unread:
                    self._unread[cancelled] = True
            reply(None if request.is_notification else _success(request.id))
        else:
            running = RunningRequest(request)
            self.in_flight.add(running)
            running.outer = asyncio.get_running_loop().create_task(self._run(running, reply))

    async def _run(self, running: RunningRequest, reply: Reply) -> None:
        request = running.request
        body: bytes | None = None
        failed = True
        try:
            route = self._routes.get(request.method)
            if route is None or request.is_notification:
                body, failed = await self._by_library(running, self._outcome)
            else:
                try:
                    result = await self._handle(route, running)
                    body = codec.dumps({"jsonrpc": "2.0", "result": result, "id": request.id})
                    failed = False
                except (Exception, asyncio.CancelledError, SystemExit) as error:
                    told = error if self._explain is None else await self._explain(error)
                    body, _ = await self._by_library(running, self._refused(told))
            if body is not None and len(body) > self._max_bytes:
                body, failed = self._error(request.id, _too_large(len(body), self._max_bytes)), True
        except Exception as error:
            body = None if request.is_notification else self._error(request.id, error, request.method)
        finally:
            running.ended = True
            self.in_flight.remove(running)
        if request.method == "shutdown" and not failed:
            self._shut_down = True
        reply(body)

    async def _by_library(self, running: RunningRequest, outcome: Outcome) -> tuple[bytes | None, bool]:
        """What jsonrpcserver makes of the outcome, and whether that is an error. Loaded when it is first needed."""
        from sidecar.rpc.jsonrpc_library import response_to

        request = running.request
        response = await response_to(request.method, request.id, request.is_notification, running, outcome)
        return None if request.is_notification else codec.dumps(response), "error" in response

    async def _outcome(self, running: RunningRequest) -> Result:
        """Never raises: every outcome is a result or an error of ours."""
        from sidecar.rpc.jsonrpc_library import Success

        try:
            return Success(await self._handle(self._routes.get(running.request.method), running))
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            return await self._refused(error)(running)

    def _refused(self, error: BaseException) -> Outcome:
        async def refused(running: RunningRequest) -> Result:
            from sidecar.rpc.jsonrpc_library import Error

            wire_error = to_wire_error(error, self._errors, running.request.method)
            if running.cancelled and not isinstance(error, asyncio.CancelledError):
                wire_error = to_wire_error(asyncio.CancelledError(), self._errors)
            if running.request.is_notification:
                log.debug("the notification %r was not carried out", running.request.method[:100])
            return Error(**wire_error)

        return refused

    async def _handle(self, route: Route | None, running: RunningRequest) -> Any:
        running.handler = asyncio.current_task()
        if running.cancelled:
            raise asyncio.CancelledError
        request = running.request
        if route is None:
            name = request.method[:100]
            raise Failure(
                "method_not_found", f'There is no method named "{name}". Look it up in the list of methods.'
            )
        params = named_params(request.params)
        call = Call(self._services, request.method, self._progress(running, params), self._outbox.notify)
        loading = None if route.load is None else route.load()
        if loading is not None:
            await loading
        parsed = route.parse(params)
        if type(parsed) is CoroutineType:
            parsed = await parsed
        result = await route.handler(call, parsed)
        # The table decides, not the handler: who was cancelled is never answered with a result by accident.
        if running.cancelled:
            raise asyncio.CancelledError
        return None if route.notification else result

    def _progress(self, running: RunningRequest, params: Any) -> Callable[[Mapping[str, Any]], None]:
        token = progress_token(params)
        if token is None:
            return _no_progress

        def progress(value: Mapping[str, Any]) -> None:
            # After its response a request is unknown to the client, and so is its token.
            if not running.ended:
                self._outbox.progress(token, value)

        return progress

    def _reply(self, body: bytes | None) -> None:
        if body is None:
            return
        if self.in_flight.count:
            self._outbox.send(body)
        else:
            self._outbox.send_last(body)

    def _error(self, id: Any, error: BaseException, method: str = "") -> bytes:  # noqa: A002
        wire_error = to_wire_error(error, self._errors, method)
        return codec.dumps({"jsonrpc": "2.0", "error": wire_error, "id": id})


def _too_large(size: int, max_bytes: int) -> Failure:
    words = (
        f"The answer has {size} bytes; at most {max_bytes} fit into a message. Ask for less of it at a time."
    )
    return Failure("message_too_large", words)


def _success(id: Any) -> bytes:  # noqa: A002
    return codec.dumps({"jsonrpc": "2.0", "result": None, "id": id})


def _no_progress(value: Mapping[str, Any]) -> None:
    """The client did not ask for progress."""


async def _nothing(call: Call[Any], params: Any) -> None:
    """A client may shut down a server that has nothing of its own to do then."""
