"""Reads every saved key before the first word of a vendor's comes, which may quote any of them.

A keychain may ask the person for a password, or hang: what it holds is asked for once a run, when somebody is called
and not at the start; a person who says no is asked for no other key; and nobody waits longer than for a key of his own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

from sidecar.errors import Failure

log = logging.getLogger("sidecar.keys")

# Two entries are asked for at a time: one that hangs is in nobody's way, and a keychain has threads left for others.
_AT_A_TIME = 2
# Of the patience so much is left where the keychain has been waited for in vain just before.
_SILENT_SHARE = 1 / 6


class KeysAhead:
    """Has `read` called with each of the names once. `read` raises Failure; `patience` is in seconds."""

    def __init__(
        self, read: Callable[[str], Awaitable[object]], names: Collection[str], patience: float
    ) -> None:
        self._read = read
        self._names = names
        self._patience = patience
        self._asked: set[str] = set()
        self._left: list[str] = []
        self._reading: set[asyncio.Task[None]] = set()
        self._late = asyncio.Event()
        self._refused = False
        self._silent = False

    def was_silent(self) -> None:
        """Somebody has waited in vain for a key of his own: nobody waits as long for those of others."""
        self._silent = True

    async def known(self) -> None:
        """Return once all keys were read, or `patience` seconds after they were first asked for. Raises nothing.

        Those that come later are known from then on. Names that have been added since are asked for too.
        """
        if len(self._names) > len(self._asked):
            self._begin()
        if self._reading and not self._late.is_set():
            await self._late.wait()

    def _begin(self) -> None:
        added = [name for name in self._names if name not in self._asked]
        self._asked.update(added)
        if self._refused:
            return
        self._left += added
        loop = asyncio.get_running_loop()
        self._late = late = asyncio.Event()
        for _ in range(_AT_A_TIME - len(self._reading)):
            task = loop.create_task(self._read_on())
            self._reading.add(task)
            task.add_done_callback(self._ended)
        loop.call_later(self._patience * (_SILENT_SHARE if self._silent else 1), late.set)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._reading.discard(task)
        if not self._reading:
            self._late.set()

    async def _read_on(self) -> None:
        while self._left:
            name = self._left.pop(0)
            try:
                await self._read(name)
            except Failure as failure:
                # What is saved and is no key says nothing of the others.
                if failure.kind == "storage_error":
                    log.warning(
                        "the saved keys that nobody has used yet are not looked at: %s", failure.message
                    )
                    self._refused = True
                    self._left.clear()
