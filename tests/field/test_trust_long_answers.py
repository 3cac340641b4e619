"""An answer as long as may be, of words that are all different: it is kept, and nobody else waits for its index."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import string
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.field.hostile import Answer, chat_chunk, event, head, serving
from tests.field.lab import ask, own_models, project, sidecar
from tests.field.test_trust_checks import stays_alive
from tests.helpers.process import SidecarProcess

DRAWN = random.Random(1)
MOST = 9_000_000


def words(number: int) -> str:
    """So many words that nobody has written before."""
    return " ".join("".join(DRAWN.choices(string.ascii_lowercase, k=7)) for _ in range(number))


async def test_an_answer_of_six_megabytes_of_different_words_is_kept_and_holds_up_neither_a_writer_nor_the_end(
    tmp_path: Path,
) -> None:
    pieces = ["first9words ", *(words(8_000) + " " for _ in range(100)), "last9words"]
    events = [event(chat_chunk({"content": piece})) for piece in pieces]
    answer = Answer([head(200, {}, "text/event-stream"), *events, event(chat_chunk({}, "stop"))])
    models = {"contextSize": 20_000_000, "maxOutputTokens": MOST}
    async with (
        serving(answer) as server,
        sidecar(tmp_path, models=own_models(server.url, model=models), deadline=60) as process,
    ):
        made = {"projectId": await project(process), "name": "Sea"}
        conversation = (await process.call("conversation:create", made))["id"]
        asked = asyncio.ensure_future(
            ask(process, conversationId=conversation, options={"maxOutputTokens": MOST})
        )
        writing = asyncio.ensure_future(writes(process, asked))
        await stays_alive(process, writing)
        assert (await asked)["answer"] == "".join(pieces)
        found = [
            len((await process.call("messages:search", {"query": word}))["items"])
            for word in ("first9words", "last9words")
        ]
        assert found == [1, 0]
        process.close_stdin()
        async with asyncio.timeout(60):
            assert await process.wait() == 0
    # What a writer waits for is what goes into the index, here as much as is in it.
    with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
        (indexed,) = conn.execute("SELECT sum(length(block)) FROM messages_fts_data").fetchone()
    assert 100_000 < indexed < 2_000_000


async def writes(process: SidecarProcess, until: asyncio.Future[Any]) -> None:
    """Write until the future is done, each time within a minute."""
    while not until.done():
        await process.call("project:create", {"name": "Beside it"})
