from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.pacer import FurtherRequest, RequestPacer
from tests.helpers.scripted import Reply, Waits, scripted_edge


class Recorded:
    """A pace that writes down what it is told."""

    retries = 12
    longest_hint_ms = 3_600_000

    def __init__(self) -> None:
        self.said: list[str] = []

    async def enter(self) -> None:
        self.said.append("enter")

    def observe(self, status: int, headers: Mapping[str, str], hint_ms: int | None) -> None:
        self.said.append(f"{status} {hint_ms}")

    def back_off(self, wait_ms: int, kind: str) -> None:
        self.said.append("back off")

    def leave(self) -> None:
        self.said.append("leave")

    async def reserve(self, further: FurtherRequest) -> None:
        self.said.append(f"reserve {further.why}")


def _refused(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    hint = headers.get("retry-after")
    kind = "rate_limited" if status == 429 else "provider_unavailable"
    return Failure(kind, "Refused.", retryable=True, retry_after_ms=int(hint) * 1000 if hint else None)


async def _ask(edge: HttpClient, pacer: RequestPacer | None = None) -> None:
    async with (
        asyncio.timeout(60),
        edge.stream(
            "POST", "https://api.example/v1", {}, {}, read_refusal=_refused, peer="Example", pacer=pacer
        ) as answer,
    ):
        async for _ in answer.chunks:
            pass


async def _paced(*script: Reply | Exception) -> tuple[Recorded, Waits, Failure | None]:
    edge, _, waits = scripted_edge(*script)
    pace, failure = Recorded(), None
    try:
        await _ask(edge, pace)
    except Failure as problem:
        failure = problem
    return pace, waits, failure


async def test_a_place_is_held_for_the_request_and_not_while_it_backs_off() -> None:
    refusal = Reply(status=429, headers={"retry-after": "2"})
    pace, waits, failure = await _paced(refusal, Reply(chunks=[b"{}"]))
    assert failure is None
    assert pace.said == ["enter", "429 2000", "back off", "enter", "200 None", "leave"]
    assert waits.seconds == [2.0]


async def test_a_batch_waits_longer_and_tries_more_often_than_a_person_would() -> None:
    refusals = [Reply(status=429, headers={"retry-after": "600"})] * 12
    pace, waits, failure = await _paced(*refusals, Reply(chunks=[b"{}"]))
    assert failure is None
    assert (pace.said.count("enter"), waits.seconds) == (13, [600.0] * 12)


async def test_a_server_that_is_down_is_not_asked_more_often_than_by_a_chat() -> None:
    pace, _, failure = await _paced(*[Reply(status=500)] * 10)
    assert failure is not None
    assert pace.said.count("enter") == 5
    assert pace.said[-1] == "leave"


async def test_the_place_is_given_back_when_the_connection_breaks() -> None:
    pace, _, failure = await _paced(Reply(chunks=[b"{", OSError("broken")]))
    assert failure is not None
    assert pace.said == ["enter", "200 None", "leave"]


async def test_a_chat_has_no_pace() -> None:
    edge, transport, waits = scripted_edge(Reply(status=429, headers={"retry-after": "600"}))
    with pytest.raises(Failure):
        await _ask(edge)
    assert (len(transport.asked), waits.seconds) == (1, [])
