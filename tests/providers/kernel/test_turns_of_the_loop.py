"""How often the loop turns while an answer is read: others have their turn, and a wait takes no second one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from sidecar.providers.base import TextDelta
from sidecar.providers.kernel.events import events_of
from sidecar.providers.kernel.response_body import HttpResponse
from sidecar.providers.kernel.sse import SseParser
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.openai_family.stream import ChatReader

PIECES = 64


def piece(text: str) -> bytes:
    return b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()


async def waited_for(text: str) -> AsyncIterator[bytes]:
    for number in range(PIECES):
        await asyncio.sleep(0)
        yield piece(f"{text}{number} ")


async def there_already(text: str) -> AsyncIterator[bytes]:
    for number in range(PIECES):
        yield piece(f"{text}{number} ")


async def turns(chunks: AsyncIterator[bytes]) -> int:
    """How many turns of its own somebody else has until all is read."""
    count = 0

    async def somebody() -> None:
        nonlocal count
        while True:
            await asyncio.sleep(0)
            count += 1

    other = asyncio.create_task(somebody())
    await asyncio.sleep(0)
    answer = HttpResponse(200, {}, chunks)
    said = []
    try:
        async for event in events_of(answer, SseParser(), ChatReader(Asked(OPENAI, "openai", "m", "sk-1"))):
            said += [event.text] if isinstance(event, TextDelta) else []
    finally:
        other.cancel()
        with suppress(asyncio.CancelledError):
            await other
    assert len(said) == PIECES
    return count


async def test_a_piece_that_was_waited_for_takes_no_further_turn() -> None:
    assert await turns(waited_for("word ")) <= PIECES * 1.2


async def test_many_small_pieces_that_are_there_already_keep_nobody_waiting_for_long() -> None:
    assert await turns(there_already("word ")) >= PIECES // 8


async def test_others_have_their_turn_between_long_pieces_that_are_there_already() -> None:
    assert await turns(there_already("word " * 1_000)) >= PIECES - 1
