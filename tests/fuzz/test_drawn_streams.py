"""Streams that are nearly a vendor's: no bug of ours, no hang, no exit, no growth, in readers and process."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.providers.base import TextDelta, ThinkingDelta
from sidecar.providers.kernel.events import Reader
from sidecar.providers.kernel.sse import SseParser
from sidecar.providers.kernel.vendor import Asked
from tests.field.hostile import Answer, head, raw, serving
from tests.field.hostile import Asked as Heard
from tests.field.lab import own_models, sidecar, vendor_environment
from tests.fuzz.drawn import drawn
from tests.fuzz.drawn_values import as_json, changed, moved, spoilt
from tests.fuzz.test_streams import READERS, RECORDED, VENDORS, bodies, shortened
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.soak import longer

EXAMPLES = longer(60, 600)
# Of each vendor, through the process.
ASKED = longer(20, 200)
AT_ONCE = longer(10, 50)
# A reader says less than it was told, but for a few words of its own; a page that is cited is told once for each piece.
TIMES_AS_MUCH = 3
CPU_SECONDS = 5.0
GROWTH_BYTES = 128 * 1024 * 1024
MODELS = {
    "anthropic": "anthropic/claude-sonnet-5",
    "gemini": "gemini/gemini-2.5-flash",
    "grok": "grok/grok-4.3",
    "compatible": "lab/m",
}
Events = list[tuple[str | None, str]]


def recorded(vendor: str) -> list[Events]:
    """The streams that were recorded of the vendor."""
    cases = sorted((RECORDED / vendor).glob("*.json"))
    found = [shortened(body) for case in cases for status, body in bodies(vendor, case.stem) if status == 200]
    return [events for events in found if events]


def written(events: Events) -> bytes:
    named = [(f"event: {name}\n" if name else "") + f"data: {data}\n\n" for name, data in events]
    return "".join(named).encode("utf-8", "surrogatepass")


@st.composite
def streams(draw: st.DrawFn, vendor: str) -> list[bytes]:
    """A recorded stream of the vendor's after some accidents, in the pieces in which it comes."""
    known = recorded(vendor)
    events = draw(moved(draw(st.sampled_from(known)), [event for each in known for event in each]))
    for _ in range(draw(st.integers(0, 3)) if events else 0):
        number = draw(st.integers(0, len(events) - 1))
        name, data = events[number]
        events[number] = (draw(st.sampled_from([name, name, None, "error", "ping"])), draw(other_data(data)))
    content = draw(spoilt(written(events)))
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=4)))
    return [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]


def other_data(data: str) -> st.SearchStrategy[str]:
    try:
        value = json.loads(data)
    except ValueError:
        return st.sampled_from([data, "", "{}", "[]", "null", "[DONE]", "<html>"])
    return changed(value).map(as_json) | st.sampled_from([data[: len(data) // 2], "[DONE]", "[]", "null"])


def read(reader: Reader, chunks: list[bytes]) -> int:
    """How many letters came of it. A Failure is an end like any other; anything else is a bug, and raised."""
    parser, letters = SseParser(), 0
    try:
        for chunk in [*chunks, None]:
            for piece in parser.finish() if chunk is None else parser.feed(chunk):
                for event in reader.read(piece):
                    letters += len(event.text) if isinstance(event, TextDelta | ThinkingDelta) else 0
        letters += sum(
            len(event.text) for event in reader.finish() if isinstance(event, TextDelta | ThinkingDelta)
        )
    except Failure:
        pass
    return letters


@pytest.mark.parametrize("vendor", READERS)
def test_no_stream_that_is_nearly_the_vendor_s_is_a_bug_of_its_reader(vendor: str) -> None:
    asked = Asked(VENDORS[vendor], vendor, "m", "a-key-of-no-shape")
    for chunks in drawn(streams(vendor), EXAMPLES):
        for make in READERS[vendor]:
            begun = time.process_time()
            try:
                letters = read(make(asked), chunks)
            except Exception as error:
                raise AssertionError(f"{type(error).__name__}: {error} of {chunks}") from error
            assert letters <= TIMES_AS_MUCH * sum(map(len, chunks)) + 1_000, chunks
            assert time.process_time() - begun < CPU_SECONDS, chunks


@pytest.mark.parametrize("vendor", MODELS)
async def test_no_stream_that_is_nearly_the_vendor_s_is_a_bug_of_the_process(
    vendor: str, tmp_path: Path
) -> None:
    said = drawn(streams(vendor), ASKED)

    def script(heard: Heard) -> Answer:
        number = int(re.findall(rb"Example (\d+)", heard.body)[-1])
        return raw(head(200, content_type="text/event-stream"), *said[number])

    async with serving(script) as server:
        names = ("anthropic", "gemini", "grok")
        given = vendor_environment(server.url, *names)
        async with sidecar(
            tmp_path, models=own_models(server.url), environment=given, deadline=200
        ) as process:
            await asked_of(process, vendor, 0, said)
            before = process.rss_bytes()
            for first in range(0, ASKED, AT_ONCE):
                numbers = range(first, min(first + AT_ONCE, len(said)))
                await asyncio.gather(*(asked_of(process, vendor, number, said) for number in numbers))
                assert (await process.call("system:health"))["status"] == "ok"
            after = process.rss_bytes()
            assert before is None or after is None or after - before < GROWTH_BYTES
            process.close_stdin()
            assert await process.wait() == 0


async def asked_of(process: SidecarProcess, vendor: str, number: int, said: list[list[bytes]]) -> None:
    code = 0
    try:
        await process.call("chat:send", {"content": f"Example {number}", "modelId": MODELS[vendor]})
    except RpcError as error:
        code = error.code
    assert code != -32603, (said[number], list(process.stderr)[-3:])
