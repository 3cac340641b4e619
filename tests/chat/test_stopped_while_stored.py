"""An answer has come whole, and whoever waits for it stops it while it is stored or read: it is kept, and told."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from sidecar.errors import StoppedRequest
from sidecar.providers.base import Done, TextDelta
from tests.helpers.asking import USAGE, desk


async def test_who_stops_an_answer_while_it_is_stored_is_told_its_cost_once_it_is_there(
    tmp_path: Path,
) -> None:
    arrived, free = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    async with desk(tmp_path) as at:
        at.provider.script = [TextDelta("Whole."), arrived, Done("stop", USAGE)]
        asking = at.asking()
        await at.provider.begun.wait()
        busy = asyncio.Event()

        def wait_in_the_store(_: object) -> None:
            loop.call_soon_threadsafe(busy.set)
            assert free.wait(60)

        writing = asyncio.create_task(at.store.write(wait_in_the_store))
        await busy.wait()
        arrived.set()
        while not at.provider.closed:
            await asyncio.sleep(0)
        assert at.chat.abort("talk") == 1
        free.set()
        with pytest.raises(StoppedRequest) as caught:
            await asking
        assert await at.said() == [("user", "Why?"), ("assistant", "Whole.")]
        (entry,) = await at.ledger()
        await writing
    assert entry.state == "settled"
    assert entry.cost_usd is not None
    assert caught.value.costs()["costUSD"] == float(entry.cost_usd)
    assert caught.value.call_id == entry.id
