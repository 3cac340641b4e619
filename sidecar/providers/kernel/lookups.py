"""Names of servers looked up in threads of their own: who waits for a name keeps nobody from anything else.

The threads that everything here shares are few. A system that cannot reach its servers of names (a VPN that was cut, a
network that swallows them) keeps a lookup for half a minute or more, and nothing ends it: each question and each retry
would take one more of them, and then nothing would be loaded or written any more, nor the health told.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from aiohttp.resolver import ThreadedResolver


class Lookups(ThreadedResolver):
    """aiohttp's own way to read what the system tells of a name; a name that is being looked up is asked for once."""

    def __init__(self) -> None:
        super().__init__()
        # It asks its loop for nothing else.
        self._loop = cast(asyncio.AbstractEventLoop, _InOwnThreads(self._loop))


class _InOwnThreads:
    """The two lookups of a loop. `loop` is where their answers are waited for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def getaddrinfo(self, host: str, port: int, **how: Any) -> Any:
        """As the loop's. Raises socket.gaierror, and OSError where no thread can be had."""
        return await self._once(
            (host, port, *sorted(how.items())), partial(socket.getaddrinfo, host, port, **how)
        )

    async def getnameinfo(self, address: Any, flags: int) -> Any:
        """As the loop's."""
        return await self._once((address, flags), partial(socket.getnameinfo, address, flags))

    async def _once(self, what: tuple[Any, ...], look: Callable[[], Any]) -> Any:
        found = self._under_way.get(what)
        if found is None:
            found = self._under_way[what] = self._begin(look)
            found.add_done_callback(lambda _: self._under_way.pop(what, None))
            # Nobody may wait for it any more when it fails.
            found.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Who gives up leaves it to the next who asks: the thread goes on in any case.
        return await asyncio.shield(found)

    def _begin(self, look: Callable[[], Any]) -> asyncio.Future[Any]:
        answer = self._loop.create_future()

        def work() -> None:
            try:
                tell = partial(_tell, answer, look())
            except Exception as problem:
                tell = partial(_fail, answer, problem)
            try:
                self._loop.call_soon_threadsafe(tell)
            except RuntimeError:
                # The loop has ended, and nobody waits.
                return

        try:
            # No end waits for it.
            threading.Thread(target=work, name="name-lookup", daemon=True).start()
        except RuntimeError:
            raise OSError(errno.EAGAIN, "no thread for looking up a name") from None
        return answer


def _tell(answer: asyncio.Future[Any], found: Any) -> None:
    if not answer.done():
        answer.set_result(found)


def _fail(answer: asyncio.Future[Any], problem: Exception) -> None:
    if not answer.done():
        answer.set_exception(problem)
