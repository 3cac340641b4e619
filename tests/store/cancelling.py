"""A coroutine whose task is cancelled at one of its waits, the same one each time, however busy the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def cancelled_at(number: int, work: Coroutine[Any, Any, T], *, times: int = 1) -> T:
    """Run `work`, and cancel the task that runs it once it waits for the `number`-th time, from 1 on.

    It is cancelled again at the waits after that one, until that was done so many `times`.
    """
    came_to: T = await _Counted(range(number, number + times), work)
    return came_to


class _Counted:
    def __init__(self, numbers: range, work: Coroutine[Any, Any, Any]) -> None:
        self._numbers = numbers
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        steps = self._work.__await__()
        waits = 0
        raised: BaseException | None = None
        while True:
            try:
                awaited = steps.send(None) if raised is None else steps.throw(raised)
            except StopIteration as ended:
                return ended.value
            waits += 1
            if waits in self._numbers:
                # Once it waits: a task that is cancelled as it runs is told at its next wait.
                asyncio.get_running_loop().call_soon(task.cancel)
            raised = None
            try:
                yield awaited
            except BaseException as error:
                raised = error
