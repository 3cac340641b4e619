"""A dispatcher over the toy methods, without a pipe around it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from sidecar.rpc import codec
from sidecar.rpc.dispatch import MAX_MESSAGE_BYTES, Dispatcher, Route
from sidecar.rpc.in_flight import InFlight
from tests.helpers.toy import ERRORS, ROUTES, Toys


class Served:
    """A dispatcher over toy methods, and what it has sent."""

    def __init__(self, *more: Route, limit: int = 100, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self.toys = Toys()
        self.exits = 0
        routes = {**ROUTES, **{route.name: route for route in more}}
        self.dispatcher = Dispatcher(
            routes,
            self.toys,
            self.toys.outbox,
            errors=ERRORS,
            in_flight=InFlight(limit),
            on_exit=self._exit,
            max_message_bytes=max_bytes,
        )

    def _exit(self) -> None:
        self.exits += 1

    async def send(self, *messages: Any) -> None:
        for message in messages:
            await self.dispatcher.accept(codec.loads(json.dumps(message).encode()))

    async def answers(self, *messages: Any) -> list[Any]:
        """All that leaves until nothing is running any more."""
        async with asyncio.timeout(60):
            await self.send(*messages)
            await self.dispatcher.in_flight.idle()
            sent: list[bytes] = []

            async def write(data: bytes) -> None:
                sent.append(data)

            self.toys.outbox.framing = "newline"
            self.toys.outbox.close()
            await self.toys.outbox.run(write)
        return [json.loads(line) for line in b"".join(sent).splitlines()]


async def ask(message: Any, *more: Route) -> Any:
    (answer,) = await Served(*more).answers(message)
    return answer


def method(handler: Any, name: str = "method") -> Route:
    return Route(name, handler, lambda params: params)
