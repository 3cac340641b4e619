"""Which tasks are answering in which conversation, so that the stop button finds them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Running:
    """A register of tasks by conversation id. A conversation may go by the id that was sent and its own."""

    def __init__(self) -> None:
        self._tasks: defaultdict[str, set[asyncio.Task[object]]] = defaultdict(set)

    @contextmanager
    def enter(self, conversation_id: str) -> Iterator[None]:
        """Registers the current task until the block ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks[conversation_id].add(task)
        try:
            yield
        finally:
            self._tasks[conversation_id].discard(task)
            if not self._tasks[conversation_id]:
                del self._tasks[conversation_id]

    def cancel(self, conversation_id: str) -> int:
        """Cancels what runs there; gives how many tasks were stopped."""
        tasks = [task for task in self._tasks.get(conversation_id, ()) if not task.done()]
        for task in tasks:
            task.cancel()
        return len(tasks)
