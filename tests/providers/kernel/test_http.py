from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
import pytest
from aiohttp import web

from sidecar.errors import Failure
from sidecar.providers.kernel.bodies import Body, encode_json, form_body, lines_body
from sidecar.providers.kernel.errors import refused_response
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.errors import OPENAI
from sidecar.simulator.multipart import read_form
from tests.helpers.scripted import Reply, ScriptedTransport, scripted_edge

OK = Reply(chunks=[b"fine"])
ASKED = Asked(OPENAI, "openai", "gpt-5", "sk-very-secret-key")


def read_refusal(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    return refused_response(status, headers, body, ASKED, now_ms=0)


async def post(edge: HttpClient) -> bytes:
    async with (
        asyncio.timeout(60),
        edge.stream(
            "POST", "https://api.example/v1/chat", {}, {"n": 1}, read_refusal=read_refusal, peer="OpenAI"
        ) as answer,
    ):
        return b"".join([chunk async for chunk in answer.chunks])


async def test_an_edge_that_was_opened_ahead_asks_nobody_and_opens_no_second_time() -> None:
    transport, opened = ScriptedTransport(OK), list[str]()

    def make() -> ScriptedTransport:
        opened.append("once")
        return transport

    edge = HttpClient(make)
    await asyncio.gather(edge.open(), edge.open())
    assert (opened, transport.asked) == (["once"], [])
    assert await post(edge) == b"fine"
    assert opened == ["once"]
    await edge.aclose()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_a_status_that_may_pass_is_asked_again(status: int) -> None:
    edge, transport, waits = scripted_edge(Reply(status), OK)
    assert await post(edge) == b"fine"
    assert len(transport.asked) == 2
    assert waits.seconds == [0.5]
    assert transport.closed == 2


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 413, 422])
async def test_a_status_that_stays_is_not_asked_again(status: int) -> None:
    edge, transport, waits = scripted_edge(Reply(status, {"location": "https://elsewhere.example/"}))
    with pytest.raises(Failure) as raised:
        await post(edge)
    assert raised.value.status == status
    assert (len(transport.asked), waits.seconds, transport.closed) == (1, [], 1)


async def test_waits_double_to_eight_seconds_and_then_the_last_refusal_is_raised() -> None:
    edge, transport, waits = scripted_edge(*[Reply(503)] * 7, retries=6)
    with pytest.raises(Failure) as raised:
        await post(edge)
    assert raised.value.kind == "provider_unavailable"
    assert waits.seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert len(transport.asked) == 7


async def test_jitter_takes_off_a_quarter_at_most() -> None:
    edge, _, waits = scripted_edge(Reply(500), Reply(500), OK, chance=1.0)
    await post(edge)
    assert waits.seconds == [0.375, 0.75]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:42 GMT"}, 42.0),
        ({"retry-after": "60"}, 60.0),
        ({"retry-after": "soon"}, 0.5),
        ({"retry-after": "nan"}, 0.5),
    ],
)
async def test_the_vendors_hint_is_obeyed(headers: dict[str, str], seconds: float) -> None:
    edge, _, waits = scripted_edge(Reply(429, headers), OK)
    await post(edge)
    assert waits.seconds == [seconds]


async def test_a_hint_longer_than_a_minute_ends_the_attempts_at_once() -> None:
    edge, transport, waits = scripted_edge(Reply(429, {"retry-after": "61"}))
    with pytest.raises(Failure) as raised:
        await post(edge)
    assert (raised.value.kind, raised.value.retry_after_ms) == ("rate_limited", 61_000)
    assert (len(transport.asked), waits.seconds) == (1, [])


async def test_the_vendors_word_not_to_retry_wins_over_the_status() -> None:
    edge, transport, _ = scripted_edge(Reply(500, {"x-should-retry": "false"}))
    with pytest.raises(Failure):
        await post(edge)
    assert len(transport.asked) == 1


async def test_spent_credit_is_never_asked_again() -> None:
    body = b'{"error": {"message": "no money", "type": "insufficient_quota", "code": "insufficient_quota"}}'
    edge, transport, _ = scripted_edge(Reply(429, {"x-should-retry": "true"}, [body]))
    with pytest.raises(Failure) as raised:
        await post(edge)
    assert len(transport.asked) == 1
    assert raised.value.retryable is False


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")])
async def test_a_connection_that_was_never_made_is_tried_again(error: Exception) -> None:
    edge, transport, waits = scripted_edge(error, OK)
    assert await post(edge) == b"fine"
    assert len(transport.asked) == 2
    assert waits.seconds == [0.5]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadTimeout("silence"), "timeout"),
        (httpx.ReadError("reset"), "provider_unavailable"),
        (httpx.RemoteProtocolError("gone"), "provider_unavailable"),
        (httpx.WriteError("pipe"), "provider_unavailable"),
    ],
)
async def test_a_request_that_left_and_got_no_answer_is_not_sent_twice(error: Exception, kind: str) -> None:
    edge, transport, _ = scripted_edge(error)
    with pytest.raises(OutcomeUnknown) as raised:
        await post(edge)
    assert raised.value.kind == kind
    assert "API" in raised.value.message
    assert len(transport.asked) == 1


async def test_an_answer_that_breaks_after_its_first_byte_is_not_asked_for_again() -> None:
    edge, transport, _ = scripted_edge(Reply(chunks=[b"half", httpx.ReadError("reset")]))
    with pytest.raises(OutcomeUnknown):
        await post(edge)
    assert len(transport.asked) == 1
    assert transport.closed == 1


async def test_a_question_without_consequences_may_be_asked_again_after_any_break() -> None:
    edge, transport, _ = scripted_edge(httpx.ReadError("reset"), Reply(chunks=[b'{"data": []}']))
    async with asyncio.timeout(60):
        value = await edge.json(
            "GET", "https://api.example/v1/models", {}, read_refusal=read_refusal, peer="OpenAI"
        )
    assert value == {"data": []}
    assert len(transport.asked) == 2


@pytest.mark.parametrize(
    ("body", "kind"), [(b"<html>", "provider_rejected"), (b"nothing", "provider_unavailable")]
)
async def test_a_document_that_is_not_json_is_a_failure(body: bytes, kind: str) -> None:
    edge, _, _ = scripted_edge(Reply(chunks=[body]))
    with pytest.raises(Failure) as raised:
        await edge.json("GET", "https://api.example/", {}, read_refusal=read_refusal, peer="OpenAI")
    assert raised.value.kind == kind


async def test_a_base_url_that_is_no_url_says_so() -> None:
    edge = HttpClient()
    with pytest.raises(Failure) as raised:
        async with edge.stream("POST", "nonsense/chat", {}, {}, read_refusal=read_refusal, peer="OpenAI"):
            pass
    assert "base URL" in raised.value.message
    await edge.aclose()


async def test_errors_name_neither_keys_nor_queries() -> None:
    error = httpx.ReadError("https://api.example/v1?key=AIzaSyVerySecret0123 with Bearer sk-very-secret-key")
    edge, _, _ = scripted_edge(error)
    with pytest.raises(Failure) as raised:
        await post(edge)
    everything = raised.value.message + (raised.value.detail or "")
    assert "secret" not in everything.lower()


async def test_a_bug_in_a_transport_is_not_dressed_up_as_the_network() -> None:
    edge, _, _ = scripted_edge(KeyError("bug"))
    with pytest.raises(KeyError):
        await post(edge)


async def test_no_cookie_is_ever_sent_back() -> None:
    edge, transport, _ = scripted_edge(Reply(200, {"set-cookie": "a=b; Path=/"}, [b"x"]), OK)
    await post(edge)
    await post(edge)
    assert "cookie" not in transport.asked[1].headers


async def test_a_wait_before_a_retry_can_be_cancelled() -> None:
    started = asyncio.Event()

    async def forever(seconds: float) -> None:
        started.set()
        await asyncio.Event().wait()

    edge, transport, _ = scripted_edge(Reply(500), OK)
    waiting = HttpClient(lambda: transport, sleep=forever)
    task = asyncio.create_task(post(waiting))
    async with asyncio.timeout(60):
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(transport.asked) == 1
    await edge.aclose()


async def test_a_cancelled_stream_closes_its_connection() -> None:
    edge, transport, _ = scripted_edge(Reply(chunks=[b"half", asyncio.Event()]))
    task = asyncio.create_task(post(edge))
    async with asyncio.timeout(60):
        await transport.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert transport.closed == 1


def test_a_lone_surrogate_does_not_stop_a_request() -> None:
    assert encode_json({"text": "a\ud800b"}) == b'{"text": "a?b"}'


LINES = [b'{"n": 1}', '{"ü": 2}'.encode()]
FORM = form_body({"purpose": "batch"}, "part-1.jsonl", lines_body(LINES), "boundary")


async def send(edge: HttpClient, url: str, body: Body, *, once: bool = False) -> bytes:
    async with (
        asyncio.timeout(60),
        edge.stream("POST", url, {}, body, read_refusal=read_refusal, peer="OpenAI", once=once) as answer,
    ):
        return b"".join([chunk async for chunk in answer.chunks])


async def test_a_form_with_a_file_is_sent_with_its_length_and_whole_again_after_a_refusal() -> None:
    edge, transport, _ = scripted_edge(Reply(503), OK)
    assert await send(edge, "https://api.example/v1/files", FORM) == b"fine"
    first, second = transport.asked
    assert first.body == second.body
    assert first.headers["content-length"] == str(len(first.body))
    assert "transfer-encoding" not in first.headers
    form = read_form(first.headers["content-type"], first.body)
    assert form["purpose"].content == b"batch"
    assert form["file"].file_name == "part-1.jsonl"
    assert form["file"].content == b"".join(line + b"\n" for line in LINES)


async def test_a_large_body_is_sent_in_pieces_that_are_never_whole() -> None:
    lines = [b"x" * 50_000] * 100
    body = lines_body(lines)
    pieces = [len(piece) for piece in body.pieces()]
    assert sum(pieces) == body.length == 100 * 50_001
    assert max(pieces) < 400_000


async def test_a_body_in_pieces_goes_over_a_real_connection_with_its_length() -> None:
    seen: list[tuple[str | None, int]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.headers.get("content-length"), len(await request.read())))
        return web.Response(text="fine")

    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/files", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    edge = HttpClient()
    body = lines_body([b"x" * 100_000] * 50)
    try:
        assert await send(edge, f"http://127.0.0.1:{runner.addresses[0][1]}/files", body) == b"fine"
    finally:
        await edge.aclose()
        await runner.cleanup()
    assert seen == [(str(body.length), body.length)]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 529])
async def test_what_must_not_happen_twice_is_in_doubt_after_a_server_error(status: int) -> None:
    edge, transport, waits = scripted_edge(Reply(status, {"x-should-retry": "true"}))
    with pytest.raises(OutcomeUnknown) as raised:
        await send(edge, "https://api.example/v1/batches", {"n": 1}, once=True)
    assert raised.value.status == status
    assert (len(transport.asked), waits.seconds) == (1, [])


@pytest.mark.parametrize("status", [409, 429])
async def test_what_must_not_happen_twice_is_asked_again_where_it_certainly_did_not_happen(
    status: int,
) -> None:
    edge, transport, _ = scripted_edge(Reply(status), httpx.ConnectError("refused"), OK)
    assert await send(edge, "https://api.example/v1/batches", {"n": 1}, once=True) == b"fine"
    assert len(transport.asked) == 3


@pytest.mark.parametrize("status", [307, 400, 404, 413])
async def test_what_must_not_happen_twice_has_certainly_failed_after_a_refusal(status: int) -> None:
    edge, _, _ = scripted_edge(Reply(status))
    with pytest.raises(Failure) as raised:
        await send(edge, "https://api.example/v1/batches", {"n": 1}, once=True)
    assert not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize("once", [True, False])
async def test_an_answer_that_is_not_json_leaves_in_doubt_only_what_must_not_happen_twice(once: bool) -> None:
    edge, _, _ = scripted_edge(Reply(chunks=[b"<html>"]))
    with pytest.raises(Failure) as raised:
        await edge.json(
            "POST",
            "https://api.example/",
            {},
            {"n": 1},
            read_refusal=read_refusal,
            peer="OpenAI",
            once=once,
        )
    assert isinstance(raised.value, OutcomeUnknown) is once
