"""Gemini's batches against the simulator: in the process, and where it matters over a real connection."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest
from sidecar.providers.gemini.batch import GeminiBatch
from sidecar.providers.gemini.provider import Gemini
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.simulator.core import Simulator
from sidecar.simulator.gemini.routes import GeminiVendor
from sidecar.simulator.transport import simulated_transport
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, run, submit, uploaded
from tests.helpers.gemini import BASE, SCHEMA, ask
from tests.helpers.simulated import no_wait, simulator

PLANNER = Gemini(HttpClient(), BASE)
FLASH = "gemini-3.8-flash"


def adapter_on(sim: Simulator) -> GeminiBatch:
    edge = HttpClient(lambda: simulated_transport(sim), sleep=no_wait)
    return GeminiBatch(edge, f"{BASE}/")


def exactly(count: int, model: str = FLASH) -> dict[str, ChatRequest]:
    return {f"row-{n}": ask(model, f"Reply with exactly: answer {n}") for n in range(count)}


def led(orders: str, count: int = 4) -> dict[str, ChatRequest]:
    """Rows of which the first orders something of the batch."""
    rows = exactly(count)
    rows["row-0"] = ask(FLASH, f"Reply with exactly: answer 0 [[simulate: {orders}]]")
    return rows


def stopping(*, partial_results: bool) -> Simulator:
    return simulator(vendors=[GeminiVendor(partial_results=partial_results)])


async def test_a_part_goes_as_a_file_however_small_it_is() -> None:
    adapter = adapter_on(simulator())
    small = part_of(adapter, PLANNER, exactly(1))
    assert (await adapter.upload(KEY, small)).startswith("files/")


async def test_rows_of_every_kind_go_into_one_batch() -> None:
    rows = {
        "plain": ask(FLASH, "Reply with exactly: plain", system="Be brief.", max_output_tokens=900),
        "schema": ask(FLASH, "Judge.", json_schema=SCHEMA),
        "mode": ask(FLASH, "Judge.", json_mode=True, effort="low"),
        "search": ask(FLASH, "Reply with exactly: found", web_search_max_uses=2),
        "both": ask(FLASH, "Judge.", web_search_max_uses=2, json_schema=SCHEMA),
        "thought": ask(FLASH, "Reply with exactly: thought", thinking=True),
        "odd": ask(FLASH, 'Reply with exactly: "ä\u2028" \\ {"inlinedResponses":[1]}'),
    }
    adapter = adapter_on(simulator())
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert {id_: outcome.failure for id_, outcome in came.items()} == dict.fromkeys(rows)
    assert came["plain"].text == "plain"
    assert json.loads(came["schema"].text).keys() == {"n"}
    assert json.loads(came["mode"].text)["simulated"] is True
    assert json.loads(came["both"].text).keys() == {"n"}
    assert came["thought"].thinking
    assert came["odd"].text == '"ä\u2028" \\ {"inlinedResponses":[1]}'
    done = came["search"].done
    assert done is not None
    assert done.usage is not None
    assert done.usage.searches == 1
    assert len(done.citations) == 1


async def test_a_row_that_searches_asks_for_its_form_in_words() -> None:
    """Alone it is asked again when a model refuses that; in a batch nobody would know before the end."""
    adapter = adapter_on(stopping(partial_results=True))
    plan = PLANNER.plan(ask(FLASH, "Judge.", web_search_max_uses=2, json_schema=SCHEMA))
    assert "responseJsonSchema" in plan.body["generationConfig"]
    request = json.loads(adapter.line("a", plan))["request"]
    assert "responseJsonSchema" not in request.get("generationConfig", {})
    assert "JSON Schema" in request["systemInstruction"]["parts"][-1]["text"]
    _, came = await run(
        adapter_on(simulator(vendors=[GeminiVendor(json_with_tools=False)])),
        part_of(adapter, PLANNER, {"a": ask(FLASH, "Judge.", web_search_max_uses=2, json_schema=SCHEMA)}),
    )
    assert came["a"].failure is None


def test_a_line_is_the_row_as_it_would_be_asked_alone() -> None:
    adapter = adapter_on(simulator())
    plan = PLANNER.plan(ask(FLASH, "two\nlines\r\n\u2028", system="Be brief.", json_schema=SCHEMA))
    line = adapter.line('a"b', plan)
    assert b"\n" not in line
    assert json.loads(line) == {"key": 'a"b', "request": plan.body}


async def test_an_answer_that_would_be_continued_ends_at_its_length() -> None:
    sim = simulator(vendors=[GeminiVendor(part_tokens=600)])
    adapter = adapter_on(sim)
    rows = {"a": ask("gemini-4-argon", "Write. [[simulate: tokens=900]]", effort="low")}
    _, came = await run(adapter, part_of(adapter, PLANNER, rows))
    assert came["a"].failure is None
    assert came["a"].done is not None
    assert came["a"].done.finish_reason == "length"
    assert came["a"].text


async def test_a_batch_that_was_stopped_and_hands_out_nothing_has_ended_all_the_same() -> None:
    adapter = adapter_on(stopping(partial_results=False))
    made = await submit(adapter, part_of(adapter, PLANNER, exactly(4)))
    await adapter.check(KEY, made.native_id)
    await adapter.cancel(KEY, made.native_id)
    state = await finished(adapter, made.native_id)
    assert await outcomes(adapter, state) == []


async def test_a_batch_that_fails_as_ordered_has_an_error() -> None:
    adapter = adapter_on(simulator())
    state, came = await run(adapter, part_of(adapter, PLANNER, led("batch_fails=1")))
    assert (state.word, came) == ("BATCH_STATE_FAILED", {})
    assert state.error


async def test_an_upload_goes_to_the_base_url_and_nowhere_else() -> None:
    """The vendor answers with the address to send to; a proxy in between must still get everything."""
    seen: list[str] = []
    sim = simulator()

    class Watching:
        """A transport that remembers the hosts it was asked for, and asks the vendor itself."""

        def __init__(self) -> None:
            self._inner: Any = simulated_transport(sim)

        async def handle_async_request(self, request: Any) -> Any:
            seen.append(request.url.host)
            request.url = request.url.copy_with(host="generativelanguage.googleapis.com")
            request.headers["host"] = "generativelanguage.googleapis.com"
            return await self._inner.handle_async_request(request)

        async def aclose(self) -> None:
            await self._inner.aclose()

    edge = HttpClient(lambda: Watching())  # type: ignore[arg-type,return-value]
    adapter = GeminiBatch(edge, "https://proxy.example/v1beta")
    _, came = await run(adapter, part_of(adapter, PLANNER, exactly(2)))
    assert len(came) == 2
    assert set(seen) == {"proxy.example"}


def test_the_limits_are_within_the_vendors() -> None:
    limits = adapter_on(simulator()).limits
    assert limits.bytes <= 2_000_000_000
    assert limits.one_model


async def test_a_batch_of_an_unknown_model_is_certainly_not_created() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    with pytest.raises(Failure) as raised:
        await adapter.create(
            KEY, replace(await uploaded(adapter, part_of(adapter, PLANNER, exactly(1))), model="gemini-9")
        )
    assert raised.value.status == 404
    assert "gemini-9" in raised.value.message
    assert not isinstance(raised.value, OutcomeUnknown)
    assert billed(sim) == []
