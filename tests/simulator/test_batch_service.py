"""Batches in the simulator, whatever the vendor: their clock, their orders, their bill."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import ConnectionCut, SimRequest
from sidecar.simulator.multipart import read_form
from tests.helpers.simulated import NOW_MS, read, simulator

KEY = {"authorization": "Bearer sk-simulated"}


class Clock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


async def call(sim: Simulator, method: str, path: str, body: Any = None) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    return json.loads(await read(await sim.handle(SimRequest(method, path, KEY, content))))


async def create(sim: Simulator, *prompts: str, tag: str = "t") -> dict[str, Any]:
    rows = [
        {
            "custom_id": f"r{n}",
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": "gpt-4o", "input": prompt},
        }
        for n, prompt in enumerate(prompts)
    ]
    form = (
        b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
        + "\n".join(map(json.dumps, rows)).encode()
        + b"\r\n--b--\r\n"
    )
    headers = {**KEY, "content-type": "multipart/form-data; boundary=b"}
    file = json.loads(await read(await sim.handle(SimRequest("POST", "/v1/files", headers, form))))
    made: dict[str, Any] = await call(
        sim,
        "POST",
        "/v1/batches",
        {
            "input_file_id": file["id"],
            "endpoint": "/v1/responses",
            "completion_window": "24h",
            "metadata": {"tag": tag},
        },
    )
    return made


async def test_a_slow_batch_goes_by_the_clock_and_not_by_how_often_it_is_looked_at() -> None:
    clock = Clock()
    sim = simulator(now_ms=clock)
    made = await create(sim, "a [[simulate: batch_slow_ms=1000]]", "b", "c", "d")
    told = []
    for elapsed in (0, 50, 500, 500, 950, 999, 1_000):
        clock.ms = NOW_MS + elapsed
        batch = await call(sim, "GET", f"/v1/batches/{made['id']}")
        told.append((batch["status"], batch["request_counts"]["completed"]))
    assert told == [
        ("validating", 0),
        ("validating", 0),
        ("in_progress", 2),
        ("in_progress", 2),
        ("finalizing", 4),
        ("finalizing", 4),
        ("completed", 4),
    ]


async def test_a_slow_batch_ends_in_a_list_too() -> None:
    clock = Clock()
    sim = simulator(now_ms=clock)
    await create(sim, "a [[simulate: batch_slow_ms=1000]]")
    clock.ms += 5_000
    listed = await call(sim, "GET", "/v1/batches")
    assert listed["data"][0]["status"] == "completed"


async def test_the_ledger_has_every_row_with_what_it_cost() -> None:
    sim = simulator()
    made = await create(
        sim, "Reply with exactly: abcd", "Hi [[simulate: status=500]]", "Hi [[simulate: expires=1]]"
    )
    for _ in range(3):
        await call(sim, "GET", f"/v1/batches/{made['id']}")
    ledger = await call(sim, "GET", "/__simulator/ledger")
    (bill,) = ledger["batches"]
    assert (bill["id"], bill["provider"], bill["tag"], bill["creates"]) == (made["id"], "openai", "t", 1)
    assert [(row["customId"], row["state"]) for row in bill["rows"]] == [
        ("r0", "finished"),
        ("r1", "failed"),
        ("r2", "expired"),
    ]
    # 3 and 4 framing tokens and 6 of the prompt at 1.25, 1 answered at 5 dollars a million: half the price.
    assert bill["rows"][0]["chargedUSD"] == "0.00002125"
    assert bill["chargedUSD"] == ledger["totalChargedUSD"] == "0.00002125"
    assert ledger["requests"] == []


async def test_two_batches_with_one_tag_are_counted() -> None:
    sim = simulator()
    await create(sim, "a", tag="twice")
    await create(sim, "a", tag="twice")
    await create(sim, "a", tag="once")
    assert [bill["creates"] for bill in sim.ledger.wire()["batches"]] == [2, 2, 1]


@pytest.mark.parametrize(("order", "created"), [("create_lost=2", [0, 0, 1]), ("create_cut=2", [1, 2, 3])])
async def test_a_creation_is_lost_or_cut_as_often_as_ordered(order: str, created: list[int]) -> None:
    sim = simulator()
    counts = []
    for attempt in range(3):
        try:
            await create(sim, f"a [[simulate: {order}]]")
        except ConnectionCut:
            assert attempt < 2
        counts.append(len(sim.ledger.batches))
    assert counts == created


async def test_a_row_that_fails_so_many_times_succeeds_in_a_later_batch() -> None:
    sim = simulator()
    states = []
    for _ in range(2):
        made = await create(sim, "Reply with exactly: x [[simulate: status=429 times=1]]")
        for _ in range(3):
            batch = await call(sim, "GET", f"/v1/batches/{made['id']}")
        states.append((batch["request_counts"]["completed"], batch["request_counts"]["failed"]))
    assert states == [(0, 1), (1, 0)]


async def test_no_row_runs_twice_however_often_it_is_looked_at() -> None:
    sim = simulator()
    made = await create(sim, "Reply with exactly: abcd", "Reply with exactly: abcd")
    totals = []
    for _ in range(8):
        await call(sim, "GET", f"/v1/batches/{made['id']}")
        totals.append(Decimal(sim.ledger.wire()["totalChargedUSD"]))
    assert totals[0] == totals[1] / 2
    assert set(totals[1:]) == {totals[1]}


def test_a_form_is_read_whole() -> None:
    body = (
        b'--x y\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n\r\n--x y\r\n'
        b'content-disposition: form-data; name="file"; filename="f.jsonl"\r\ncontent-type: text/plain\r\n\r\n'
        b"\r\n--x\r\n\xff\r\n--x y--\r\n"
    )
    form = read_form('multipart/form-data; boundary="x y"', body)
    assert (form["a"].content, form["a"].file_name) == (b"one\r\n", None)
    assert (form["file"].content, form["file"].file_name) == (b"\r\n--x\r\n\xff", "f.jsonl")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\ncut'),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nno name\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nno end\r\n--b--\r\n"),
    ],
)
def test_what_is_no_form_is_not_read(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="form"):
        read_form(content_type, body)
