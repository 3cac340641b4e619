"""Small pieces without end, and pieces of very many values: each is over soon, and others have their turn meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.field.hostile import (
    Answer,
    Asked,
    chat_chunk,
    chat_chunks,
    event,
    head,
    raw,
    serving,
    stream,
    whole,
)
from tests.field.lab import ask, own_models, refused, sidecar
from tests.field.test_trust_memory import MEGABYTE, packed, staying_small
from tests.helpers.process import RpcError

# A process of its own from the first: what is forked has all modules in its memory.
pytestmark = pytest.mark.usefixtures("real_starts")

SSE = "text/event-stream"
WAYS: dict[str, Callable[[], Answer]] = {
    "comments": lambda: Answer([head(200, {}, SSE), *[b": ping\n\n" * 10_000] * 110]),
    "fields of no meaning": lambda: Answer([head(200, {}, SSE), *[b"id: 1\n" * 10_000] * 210]),
    "blank lines, packed": lambda: raw(
        head(200, {"content-encoding": "gzip"}, SSE), packed(b"\n" * 1024, 256 * MEGABYTE, times=1)
    ),
    "a piece of many lists": lambda: raw(
        head(200, {}, SSE), b'data: {"choices": [' + b"[]," * 3_000_000 + b"1]}\n\n"
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_what_says_nothing_and_does_not_end_ends_with_a_sentence(way: str, tmp_path: Path) -> None:
    async with (
        serving(WAYS[way]()) as server,
        sidecar(tmp_path, models=own_models(server.url), deadline=60) as process,
        staying_small(process, "providers.kernel.events.MOST_STREAM_LINES") as told,
    ):
        error = await refused(process)
        assert error.data["kind"] == "provider_unavailable"
        told.append(error.message)


async def test_an_answer_that_cites_without_end_is_cut_at_its_bound(tmp_path: Path) -> None:
    def cited(number: int) -> bytes:
        page = {"url": f"https://example.com/{number}", "title": "t" * 60_000}
        return event(
            chat_chunk({"content": "a", "annotations": [{"type": "url_citation", "url_citation": page}]})
        )

    many = Answer([head(200, {}, SSE), *map(cited, range(400))])
    async with (
        serving(many) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
        staying_small(process, "providers.kernel.answer_bound.MOST_LETTERS"),
    ):
        answer = await ask(process)
    assert answer["finishReason"] == "length"
    assert 10 < len(answer["citations"]) < 30


@pytest.mark.parametrize("asked", [{"jsonMode": True}, {"jsonSchema": {"type": "object"}}])
async def test_json_that_no_message_could_carry_is_kept_and_told(
    asked: dict[str, object], tmp_path: Path
) -> None:
    reply = '{"a":' * 900 + "1" + "}" * 900
    assert json.loads(reply)
    async with (
        serving(stream(*chat_chunks(reply), "[DONE]")) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        told = (await refused(process, options=asked)).data
    assert (told["kind"], told["detail"]) == ("invalid_output", reply)


async def test_a_list_of_models_without_end_ends_with_a_sentence(tmp_path: Path) -> None:
    def page(asked: Asked) -> Answer:
        after = asked.target.partition("after=")[2] or "0"
        names = [f"{after}-{number}" for number in range(4_000)]
        rows = [{"id": name, "object": "model"} for name in names]
        return whole({"object": "list", "data": rows, "has_more": True, "last_id": f"{int(after) + 1}"})

    async with (
        serving(page) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        with pytest.raises(RpcError, match="has no end"):
            await process.call("models:discover", {"provider": "lab"})
        assert len(server.asked) < 10
