from __future__ import annotations

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.answers import text_of
from tests.helpers.conversing import CHAT, chat, collect, question
from tests.helpers.simulated import in_process, post, read, simulator


@pytest.mark.parametrize(
    ("orders", "kind"),
    [
        ("status=400", "provider_rejected"),
        ("status=401", "invalid_api_key"),
        ("status=429", "rate_limited"),
        ("quota=1", "rate_limited"),
        ("status=500", "provider_unavailable"),
        ("status=503", "provider_unavailable"),
        ("status=529", "provider_unavailable"),
        ("refusal=1", "content_filtered"),
        ("error_after=0", "provider_unavailable"),
        ("tokens=-1", "provider_rejected"),
        ("colour=blue", "provider_rejected"),
    ],
)
async def test_a_failure_can_be_ordered_in_the_prompt(orders: str, kind: str) -> None:
    sim = simulator()
    made = in_process(sim)
    with pytest.raises(Failure) as raised:
        await collect(made, f"Hello [[simulate: {orders}]]")
    assert raised.value.kind == kind
    assert not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize("orders", ["cut=0", "cut=3", "malformed=1", "error_after=2"])
async def test_an_ordered_break_leaves_the_bill_unknown(orders: str) -> None:
    sim = simulator()
    with pytest.raises(OutcomeUnknown):
        await collect(in_process(sim), f"Hello [[simulate: {orders}]]")
    assert len(sim.ledger.entries) == 1
    assert sim.ledger.entries[0].state in ("cut", "failed")


async def test_an_ordered_failure_can_pass_after_some_times() -> None:
    sim = simulator()
    made = in_process(sim)
    text = text_of(
        await collect(made, "[[simulate: status=429 retry_after=1 times=2]] Reply with exactly: ok")
    )
    assert text == "ok"
    assert [entry.state for entry in sim.ledger.entries] == ["refused", "refused", "finished"]


async def test_the_length_of_an_answer_can_be_ordered() -> None:
    usage = (await chat(simulator(), "Hello [[simulate: tokens=250]]"))["usage"]
    assert usage["completion_tokens"] == 250


async def test_an_early_end_can_be_ordered() -> None:
    whole = await chat(simulator(), "Hello [[simulate: finish=length]]")
    assert whole["choices"][0]["finish_reason"] == "length"


async def test_orders_in_earlier_turns_are_history() -> None:
    body = question()
    body["messages"].insert(0, {"role": "user", "content": "[[simulate: status=500]]"})
    assert (await post(simulator(), CHAT, body)).status == 200


async def test_text_is_paced_and_an_order_can_change_the_pace() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    sim = simulator(pace_ms=12, sleep=sleep)
    await read(await post(sim, CHAT, question(stream=True)))
    assert waits[0] == 0
    assert set(waits[1:]) == {0.012}
    waits.clear()
    await read(await post(sim, CHAT, question("Hi [[simulate: slow_first_ms=700 pace_ms=3]]", stream=True)))
    assert waits[0] == 0.7
    assert set(waits[1:]) == {0.003}
