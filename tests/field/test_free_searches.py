"""Google gives so many searches a month free of charge, where the person says that the key has them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import Answer, Asked, serving, stream
from tests.field.lab import ask, sidecar, vendor_environment
from tests.helpers.process import SidecarProcess

MODEL = "gemini/gemini-3.8-flash"
# At the same price, with the same gift.
TWIN = "gemini/gemini-3.7-flash"
A_SEARCH = 0.014
A_MONTH = 5_000
SEARCHING: dict[str, Any] = {"options": {"enableWebSearch": True}}


def searched(*queries: str, finish: str = "STOP") -> Answer:
    grounding = {
        "webSearchQueries": list(queries),
        "groundingChunks": [{"web": {"uri": "http://x", "title": "x"}}],
    }
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
    said = {"role": "model", "parts": [{"text": "Good morning"}]}
    candidate = {"content": said, "index": 0, "finishReason": finish, "groundingMetadata": grounding}
    return stream(
        {
            "candidates": [{**candidate, "continuationToken": "more"} if finish != "STOP" else candidate],
            "modelVersion": "gemini-3.8-flash",
            "responseId": "r1",
            "usageMetadata": usage,
        }
    )


async def say_so(process: SidecarProcess, has_them: bool) -> None:
    await process.call("settings:save", {"key": "freeSearches", "value": has_them})


async def asked(process: SidecarProcess) -> float:
    cost: float = (await ask(process, model=MODEL, **SEARCHING))["costUSD"]
    return cost


def searched_before(folder: Path, searches: int) -> None:
    """Write down that so many searches of the month are gone, as another run would have."""
    now = round(time.time() * 1000)
    with closing(sqlite3.connect(folder / "abai.db")) as conn, conn:
        conn.execute(
            "INSERT INTO ledger (id, created_at, settled_at, state, kind, provider, model, served_model, searches,"
            " cost_pico) VALUES ('before', ?, ?, 'settled', 'chat', 'gemini', ?, ?, ?, 0)",
            (now, now, MODEL, "gemini/gemini-3.1-pro-preview", searches),
        )


async def test_searches_of_a_key_that_has_free_ones_cost_nothing_until_the_month_s_are_used_up(
    tmp_path: Path,
) -> None:
    async with serving(searched("a", "b")) as server:
        environment = vendor_environment(server.url, "gemini")
        async with sidecar(tmp_path, environment=environment) as process:
            paid = await asked(process)
            await say_so(process, True)
            free = await asked(process)
            assert paid - free == pytest.approx(2 * A_SEARCH)
            await say_so(process, False)
            assert await asked(process) == pytest.approx(paid)
        # Six are gone by now: of the four that two questions search at once, three are free.
        searched_before(tmp_path, A_MONTH - 3 - 6)
        async with sidecar(tmp_path, environment=environment) as process:
            await say_so(process, True)
            costs = await asyncio.gather(asked(process), asked(process))
            assert sum(costs) == pytest.approx(2 * free + A_SEARCH)
            assert await asked(process) == pytest.approx(paid)


async def test_what_was_free_is_shown_and_priced_the_same_again(tmp_path: Path) -> None:
    async with (
        serving(searched("a", "b")) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "gemini")) as process,
    ):
        await say_so(process, True)
        answer: dict[str, Any] = await ask(process, model=MODEL, conversationId="c", **SEARCHING)
        explained = await process.call("cost:explain", {"messageId": answer["id"]})
        lines = {line["unit"]: line for line in explained[0]["lines"]}
        assert (lines["free_searches"]["quantity"], lines["free_searches"]["usd"]) == (2, 0)
        assert "searches" not in lines
        same = await process.call("cost:reprice", {"modelId": MODEL})
        assert same["repricedUSD"] == pytest.approx(answer["costUSD"])
        # A vendor without such a gift would have charged for them.
        other = await process.call("cost:reprice", {"modelId": "gemini/gemini-4-neon"})
        assert other["repricedUSD"] > 2 * A_SEARCH


async def test_searches_of_an_answer_that_took_several_requests_are_free_as_far_as_they_last(
    tmp_path: Path,
) -> None:
    answers: list[Answer] = []

    def script(asked: Asked) -> Answer:
        return answers.pop(0)

    def paused() -> list[Answer]:
        return [searched("a", "b", finish="CONTINUATION"), searched("c", "d")]

    async with serving(script) as server:
        environment = vendor_environment(server.url, "gemini")
        async with sidecar(tmp_path, environment=environment) as process:
            answers += paused()
            paid = await asked(process)
            assert not answers, "the answer took one request"
            await say_so(process, True)
            answers += paused()
            assert paid - await asked(process) == pytest.approx(4 * A_SEARCH)
        # Eight are gone by now: of four searches in two requests, three are free.
        searched_before(tmp_path, A_MONTH - 3 - 8)
        async with sidecar(tmp_path, environment=environment) as process:
            await say_so(process, True)
            answers += paused()
            answer: dict[str, Any] = await ask(process, model=MODEL, conversationId="c", **SEARCHING)
            assert paid - answer["costUSD"] == pytest.approx(3 * A_SEARCH)
            [call] = await process.call("cost:explain", {"messageId": answer["id"]})
            lines = [
                (line["request"], line["unit"], line["quantity"])
                for line in call["lines"]
                if "searches" in line["unit"]
            ]
            assert lines == [(1, "free_searches", 2), (2, "free_searches", 1), (2, "searches", 1)]
            # Another model with the same gift at the same price would have cost the same.
            stats = await process.call("cost:reprice", {"modelId": MODEL})
            other = await process.call("cost:reprice", {"modelId": TWIN})
            assert other["repricedUSD"] == pytest.approx(stats["actualUSD"])
