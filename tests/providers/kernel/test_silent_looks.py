"""What is only looked up, of somebody who takes the question and says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.compatible.provider import Compatible
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.scripted import Reply, scripted_edge

LONGEST_LOOK_SECONDS = 60


class Silent(httpx.AsyncBaseTransport):
    """Never answers: each request ends once its own patience is over, which is not waited for."""

    def __init__(self) -> None:
        self.patience: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.patience.append(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("silence", request=request)


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    return Failure("provider_unavailable", "Busy.", retryable=True, status=status)


async def asked(edge: HttpClient, method: str) -> None:
    url = "https://api.example/v1/models"
    async with asyncio.timeout(60):
        await edge.json(
            method, url, {}, {} if method == "POST" else None, read_refusal=refusal, peer="OpenAI"
        )


async def test_who_says_nothing_to_a_look_is_given_up_after_a_minute_and_not_looked_at_again() -> None:
    silent = Silent()
    with pytest.raises(Failure) as raised:
        await asked(HttpClient(lambda: silent), "GET")
    assert (raised.value.kind, raised.value.retryable) == ("timeout", True)
    assert len(silent.patience) == 1
    assert silent.patience[0] <= LONGEST_LOOK_SECONDS


async def test_a_question_is_waited_for_as_long_as_a_model_may_think() -> None:
    silent = Silent()
    with pytest.raises(OutcomeUnknown):
        await asked(HttpClient(lambda: silent), "POST")
    assert silent.patience == [600]


async def test_a_server_that_says_itself_that_it_was_late_is_asked_again() -> None:
    late = Reply(408, {}, [b"{}"])
    edge, transport, _ = scripted_edge(late, Reply(chunks=[b"{}"]))
    await asked(edge, "GET")
    assert len(transport.asked) == 2


class Endless(httpx.AsyncByteStream):
    """Says that it is still there, for ever."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b": still here\n\n"
            await asyncio.sleep(0.01)


class Trickling(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless(), request=request)


async def test_who_is_never_silent_and_never_ends_a_document_is_given_up() -> None:
    """A key that was tried out, or a list of models, was waited for without an end."""
    edge = HttpClient(Trickling, document_seconds=0.1)
    lab = Compatible(edge, "https://lab.example/v1", name="lab", title="Lab")
    for looking in (lab.validate_key("sk-some-key"), lab.list_models("sk-some-key"), asked(edge, "GET")):
        with pytest.raises(Failure, match="did not end its answer") as raised:
            async with asyncio.timeout(60):
                await looking
        assert (raised.value.kind, raised.value.retryable) == ("timeout", True)
