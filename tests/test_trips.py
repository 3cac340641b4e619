from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar import app
from sidecar.config import Config
from sidecar.key_stores import MemoryKeys
from sidecar.providers.kernel.http import HttpClient
from sidecar.rpc.stdio import WireStreams
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.drawings import drawing, modules_in
from tests.helpers.inside import Inside, inside
from tests.helpers.pipe import Pipe
from tests.helpers.wire import Splitter, frame, request
from tests.trips import Trip, tracing

MODEL = "openai/gpt-6-luna"
ROW = {"prompt": "Reply with exactly: one", "model": MODEL}
# Its pieces come so far apart that it is still on its way when it is cancelled.
SLOW = {"modelId": MODEL, "content": "Tell me a story. [[simulate: pace_ms=20000]]"}
Step = Callable[[], Awaitable[Any]]

# The most files of the sidecar that a request may enter, the vendor's side aside, until all of it is done: a batch
# until its job has ended. Whoever makes one shorter lowers its number; whoever makes one longer says why. What they are
# spent on, and why they are no shorter, is docs/decisions/length-of-trips.md.
MOST_FILES = {
    "settings:save": 16,
    # What is read is held against the contract: two more.
    "batch:get-results": 19,
    "messages:add": 19,
    # What a timer does by the way belongs to some runs and not to others: two more than were counted. What an answer
    # cost at least is kept as it begins: one file more. Whether each piece came twice: one more. Whether what is sent
    # has the limit that was reserved for: one more. How much may come of one answer, by itself: one more. Where a
    # usage stands, and why it cannot be right: two more. One request to the transport, beside its retries: one more.
    # What its end means is a record of the store, which the ledger takes whole: one more. In which dearer tier the
    # provider answered of late: one more. What looked whether an answer is a refusal reads on in it: one more.
    # Which choice is the answer: one more.
    "chat:send": 89,
    # Whether the pieces of an answer repeat what was said, and whose a key is: two files more. What a row cost at
    # least is kept while it is answered: two more. Whether each piece came twice: one more. Whether what is sent has
    # the limit that was reserved for: one more. Which row begins after a death, and their queue by itself: two more.
    # How much may come of one answer, by itself: one more. Where a usage stands, and why it cannot be right: two more.
    # What it may cost by the price of the day on which it leaves: three more. One request to the transport: one more.
    # What the end of its request means is a record of the store: one more. In which dearer tier: one more.
    # What looked whether an answer is a refusal reads on in it: one more. Which choice is the answer: one more.
    "batch:start": 103,
    # In the words for how a batch stands, the names of its files and its shape gateways differ, and whose a key is:
    # four files more. That its rows are being put together: one more. Why a usage cannot be right: one more.
    # Which names its rows are to ask is kept for the list of models: two more.
    # Which rows a results file has named: one more. What a row is expected to cost, by itself: one more.
    # What it may cost by the price of the day on which it leaves: two more.
    # What can be called back on its way: one more. One request to the transport: one more.
    # What the end of its request means is a record of the store: one more. In which dearer tier: one more.
    # Rows are put into chunks by one file, and chunks handed over by another: one more.
    # Each vendor has places of its own: one more.
    "batch:submit-native": 121,
}


# What docs/architecture.md draws of a request, without what only some of its kind pass through.
DRAWN = {"A turn": "chat:send", "A local row": "batch:start"}
ONLY_SOME = {"checker/replies"}


async def result(here: Inside, method: str, **params: Any) -> Any:
    answer = await here.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def ended(here: Inside) -> None:
    """Waits for the end of a job as an app does, without asking."""
    while True:
        told = await here.next_message()
        if told.get("method") == "batch:progress" and told["params"]["status"] == "completed":
            return


@pytest.fixture
async def trips(tmp_path: Path) -> AsyncIterator[dict[str, Trip]]:
    """Each of the six requests, traced when it is made for the second time."""
    found: dict[str, Trip] = {}
    with tracing() as tracer:

        async def travel(method: str, ready: Step, go: Callable[[Any], Awaitable[Any]]) -> Any:
            for _ in range(2):
                given = await ready()
                found[method] = tracer.begin()
                came = await go(given)
                tracer.end()
            return came

        async with inside(tmp_path, batch_poll_ms=5) as here:
            await here.services.warm_up(0)
            project = (await result(here, "project:create", name="P"))["id"]
            talk = (await result(here, "conversation:create", projectId=project))["id"]

            async def nothing() -> None:
                return None

            async def stored() -> Any:
                return (await result(here, "batch:submit", projectId=project, rows=[ROW]))["id"]

            async def start(job_id: str) -> str:
                await result(here, "batch:start", jobId=job_id)
                await ended(here)
                return job_id

            async def submit(_: None) -> None:
                await result(
                    here, "batch:submit-native", projectId=project, providerName="openai", rows=[ROW]
                )
                await ended(here)

            async def save(_: None) -> None:
                await result(here, "settings:save", key="maxOutputTokens", value=1_000)

            async def say(_: None) -> None:
                await result(here, "messages:add", conversationId=talk, role="user", content="Hello")

            async def send(_: None) -> None:
                await result(here, "chat:send", conversationId=talk, modelId=MODEL, content=ROW["prompt"])

            await travel("settings:save", nothing, save)
            await travel("messages:add", nothing, say)
            await travel("chat:send", nothing, send)
            job_id = await travel("batch:start", stored, start)
            await travel(
                "batch:get-results", nothing, lambda _: result(here, "batch:get-results", jobId=job_id)
            )
            await travel("batch:submit-native", nothing, submit)
        yield found


async def test_no_request_goes_through_more_files_than_it_needs(trips: dict[str, Trip]) -> None:
    assert set(trips) == set(MOST_FILES)
    for method, trip in trips.items():
        # `pytest -s` shows them.
        print(f"{method}: {len(trip.files)} files, {trip.functions} functions")
    too_long = {
        method: (len(trip.files), trip.files)
        for method, trip in trips.items()
        if len(trip.files) > MOST_FILES[method]
    }
    assert too_long == {}


async def test_a_request_goes_through_all_that_is_drawn_of_it(trips: dict[str, Trip]) -> None:
    for heading, method in DRAWN.items():
        assert drawn_but_not_entered(heading, trips[method]) == set(), heading


async def test_a_request_over_the_pipe_goes_through_all_that_is_drawn_of_it(tmp_path: Path) -> None:
    requests, answers = Pipe(), Pipe()
    ask = request("chat:send", {**SLOW, "partialResultToken": "t"})
    try:
        with tracing() as tracer:
            trip = tracer.begin()
            streams = WireStreams(requests.read_end, answers.write_end)
            serving = asyncio.create_task(served_over(streams, tmp_path))
            await asyncio.to_thread(os.write, requests.write_end, frame(ask))
            # The client reads with nothing of the sidecar's, which would be taken for the server's own.
            came = Splitter("newline")
            told = await read_until(answers, came, lambda message: message.get("method") == "$/progress")
            assert told["params"]["token"] == "t"
            cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 1}}
            await asyncio.to_thread(os.write, requests.write_end, frame(cancel))
            answer = await read_until(answers, came, lambda message: message.get("id") == 1)
            assert answer["error"]["data"]["kind"] == "cancelled"
            requests.close(requests.write_end)
            await serving
            tracer.end()
    finally:
        requests.close()
        answers.close()
    assert drawn_but_not_entered("The pipe", trip) == set()


def drawn_but_not_entered(heading: str, trip: Trip) -> set[str]:
    """The modules of a drawing that a request did not pass through."""

    def entered(module: str) -> bool:
        inside_of, file = f"{module.rstrip('/')}/", f"{module}.py"
        return any(path == file or path.startswith(inside_of) for path in trip.files)

    drawn = set(modules_in(drawing(heading))) - ONLY_SOME
    assert drawn
    return {module for module in drawn if not entered(module)}


async def served_over(streams: WireStreams, data_dir: Path) -> None:
    """One client served over a pipe, with the simulator for a network."""
    config = Config(data_dir=data_dir, mock=True)
    now_ms = app.run_clock(config)
    simulator = Simulator(pace_ms=0, now_ms=now_ms)
    keys = MemoryKeys({"openai": app.SIMULATED_KEY})
    await app.serve_client(
        config, streams, lambda options: HttpClient(lambda: simulated_transport(simulator)), keys, now_ms
    )


async def read_until(pipe: Pipe, came: Splitter, wanted: Callable[[Any], bool]) -> Any:
    """Return the first message that is the wanted one; what comes before it is passed over."""
    async with asyncio.timeout(60):
        while chunk := await asyncio.to_thread(os.read, pipe.read_end, 65_536):
            for message in came.feed(chunk):
                if wanted(message):
                    return message
    raise AssertionError("the server has ended before that")
