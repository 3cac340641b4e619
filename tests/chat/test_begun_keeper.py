"""When the vendor's id of an answer that has begun is written, and when its settlement alone has it."""

from __future__ import annotations

import asyncio

from sidecar.chat.piece_keeper import BegunKeeper
from sidecar.providers.base import Begun

FIRST, SECOND = Begun("r-1"), Begun("r-2")


class Written:
    """What was written, and a keeper that writes it."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.keeper = BegunKeeper(self._keep)

    async def _keep(self, event: Begun) -> None:
        await asyncio.sleep(0)
        self.ids.append(event.response_id)


async def test_an_answer_that_came_whole_at_once_is_not_written_before_it_is_settled() -> None:
    written = Written()
    written.keeper.came(FIRST)
    written.keeper.whole()
    await written.keeper.stop()
    assert written.ids == []


async def test_an_answer_that_others_have_a_turn_before_is_written_and_waited_for() -> None:
    written = Written()
    written.keeper.came(FIRST)
    await asyncio.sleep(0)
    written.keeper.came(SECOND)
    written.keeper.whole()
    await written.keeper.stop()
    assert written.ids == ["r-1"]


async def test_an_answer_that_broke_off_at_once_is_written_once() -> None:
    written = Written()
    written.keeper.came(FIRST)
    written.keeper.came(SECOND)
    await written.keeper.stop()
    assert written.ids == ["r-1", "r-2"]
