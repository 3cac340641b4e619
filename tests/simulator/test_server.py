from __future__ import annotations

import asyncio
import io
import json
import sys
from contextlib import aclosing

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.base import Begun, Done, Event, TextDelta
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.openai.provider import OpenAI
from sidecar.simulator.server import serve_simulator, start_simulator
from tests.helpers.answers import first_text
from tests.helpers.openai_models import ask
from tests.helpers.simulated import A_TENTH_OF_A_SECOND, no_wait, on_loopback, pieces_until_noticed, simulator


async def read_all(made: OpenAI, prompt: str) -> list[Event]:
    async with aclosing(made.stream(made.plan(ask("gpt-4o", prompt)), "sk-1")) as stream:
        return [event async for event in stream if not isinstance(event, Begun)]


async def test_text_streams_over_a_real_connection() -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient()
        made = OpenAI(edge, f"{base}/v1")
        events = await read_all(made, "Reply with exactly: a b c d")
        await edge.aclose()
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "a b c d"
    assert isinstance(events[-1], Done)
    assert sim.ledger.entries[0].state == "finished"


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_client_that_leaves_is_noticed_within_a_tenth_of_a_second(how: str) -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient()
        made = OpenAI(edge, f"{base}/v1")
        plan = made.plan(ask("gpt-4o", "Talk [[simulate: tokens=5000 pace_ms=20]]"))
        stream = made.stream(plan, "sk-1")
        await first_text(stream)
        if how == "close":
            await stream.aclose()
        else:
            task = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND
        await edge.aclose()


async def test_a_client_that_leaves_while_it_waits_for_the_first_word_is_noticed() -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient()
        made = OpenAI(edge, f"{base}/v1")
        plan = made.plan(ask("gpt-4o", "Talk [[simulate: slow_first_ms=60000]]"))
        task = asyncio.ensure_future(anext(made.stream(plan, "sk-1")))
        while not sim.ledger.entries:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pieces_until_noticed(sim) <= A_TENTH_OF_A_SECOND
        await edge.aclose()


@pytest.mark.parametrize("orders", ["cut=0", "cut=2"])
async def test_a_connection_that_breaks_after_sending_is_not_tried_again(orders: str) -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient(sleep=no_wait)
        made = OpenAI(edge, f"{base}/v1")
        with pytest.raises(OutcomeUnknown) as raised:
            await read_all(made, f"Hi [[simulate: {orders}]]")
        await edge.aclose()
    assert raised.value.kind == "provider_unavailable"
    assert len(sim.ledger.entries) == 1


async def test_a_refused_connection_is_tried_again_and_then_said() -> None:
    runner, port = await start_simulator(simulator(), 0)
    await runner.cleanup()
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    edge = HttpClient(sleep=wait, chance=lambda: 0.0)
    made = OpenAI(edge, f"http://127.0.0.1:{port}/v1")
    with pytest.raises(Failure) as raised:
        async with asyncio.timeout(60):
            await anext(made.stream(made.plan(ask("gpt-4o")), "sk-1"))
    await edge.aclose()
    assert not isinstance(raised.value, OutcomeUnknown)
    assert raised.value.kind == "provider_unavailable"
    assert waits == [0.5, 1.0, 2.0, 4.0]


async def test_refusals_are_retried_over_a_real_connection() -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient(sleep=no_wait)
        made = OpenAI(edge, f"{base}/v1")
        events = await read_all(made, "[[simulate: status=529 times=3]] Reply with exactly: ok")
        await edge.aclose()
    assert events[0] == TextDelta("ok")
    assert [entry.status for entry in sim.ledger.entries] == [529, 529, 529, 200]


async def test_a_proxy_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, base)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "")
        edge = HttpClient(sleep=no_wait)
        made = OpenAI(edge, "http://vendor.internal/v1")
        assert (await read_all(made, "Reply with exactly: ok"))[0] == TextDelta("ok")
        await edge.aclose()


async def test_a_finished_stream_leaves_its_connection_for_the_next() -> None:
    runner, port = await start_simulator(simulator(), 0)
    connections: set[int] = set()
    async with asyncio.timeout(60):
        edge = HttpClient()
        made = OpenAI(edge, f"http://127.0.0.1:{port}/v1")
        for _ in range(3):
            assert await read_all(made, "Hello")
            assert runner.server is not None
            connections.update(map(id, runner.server.connections))
        await edge.aclose()
        await runner.cleanup()
    assert len(connections) == 1


async def test_a_hundred_streams_run_at_once() -> None:
    sim = simulator()
    async with asyncio.timeout(60), on_loopback(sim) as base:
        edge = HttpClient()
        made = OpenAI(edge, f"{base}/v1")
        gathered = 0

        async def one(number: int) -> None:
            nonlocal gathered
            events = await read_all(made, f"Reply with exactly: n{number}")
            assert events[0] == TextDelta(f"n{number}")
            gathered += 1

        async with asyncio.TaskGroup() as tasks:
            for number in range(100):
                tasks.create_task(one(number))
        await edge.aclose()
    assert gathered == 100


async def test_it_says_how_to_reach_it_in_one_line_and_stops_when_told() -> None:
    out, stop = io.StringIO(), asyncio.Event()
    async with asyncio.timeout(60):
        serving = asyncio.create_task(serve_simulator(0, out, pace_ms=0, stop=stop))
        while not out.getvalue():
            await asyncio.sleep(0)
        told = json.loads(out.getvalue())
        base = told["OPENAI_BASE_URL"].removesuffix("/v1")
        async with httpx.AsyncClient() as client:
            ledger = (await client.get(f"{base}/__simulator/ledger")).json()
            models = await client.get(
                f"{told['OPENAI_BASE_URL']}/models",
                headers={"authorization": f"Bearer {told['OPENAI_API_KEY']}"},
            )
        stop.set()
        await serving
    assert out.getvalue().count("\n") == 1
    assert ledger == {"requests": [], "batches": [], "totalChargedUSD": "0", "running": 0}
    assert models.status_code == 200
    assert {name.removesuffix("_BASE_URL") for name in told if name.endswith("_BASE_URL")} == {
        "OPENAI",
        "ANTHROPIC",
        "GEMINI",
        "XAI",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can answer")
async def test_the_process_ends_well_on_sigterm() -> None:
    code = "import sys; from sidecar.simulator.server import main; sys.exit(main(['--pace-ms', '0'], sys.stdout))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            assert process.stdout is not None
            line = await process.stdout.readline()
            assert json.loads(line)["OPENAI_API_KEY"] == "sk-simulated"
            process.terminate()
            assert await process.wait() == 0
            assert await process.stdout.read() == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
