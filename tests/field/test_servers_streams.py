"""Streams of servers in the field: what means nothing loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, event, serving, stream
from tests.field.lab import LAB_USD, ask, own_models, sidecar


@field("servers", "Stay as they are: `id:` and `retry:` lines, a byte order mark")
async def test_ids_retries_a_byte_order_mark_and_a_missing_last_newline_are_no_trouble(
    tmp_path: Path,
) -> None:
    pieces = [b"\xef\xbb\xbfid: 1\nretry: 10\n", *(event(each) for each in chat_chunks("Good ", "morning"))]
    answer_bytes = b"".join([*pieces, b"data: [DONE]"])
    async with (
        serving(stream(answer_bytes)) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        answer = await ask(process)
    assert answer["answer"] == "Good morning"
    assert answer["costUSD"] == pytest.approx(LAB_USD)
