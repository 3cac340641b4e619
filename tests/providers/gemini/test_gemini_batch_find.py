"""Gemini's batches after something went wrong: found again, or certainly not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.errors import Failure
from sidecar.providers.base import BatchAdapter
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.batches import KEY, billed, finished, outcomes, part_of, submit, uploaded
from tests.helpers.gemini_batches import PLANNER, adapter_on, both_sorts, both_ways, exactly, led, reached
from tests.helpers.simulated import simulator


@both_sorts
@both_ways
async def test_a_create_whose_answer_was_lost_is_found_again(how: str, sort: str) -> None:
    sim = simulator()
    async with reached(sim, how, sort) as adapter:
        part = await uploaded(adapter, part_of(adapter, PLANNER, led("create_cut=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert found.state is not None
        assert found.certain
        came = await outcomes(adapter, await finished(adapter, found.state.native_id))
    assert len(came) == 4
    (bill,) = billed(sim)
    assert (bill["creates"], bill["tag"], bill["id"]) == (1, "part-1", found.state.native_id)
    assert bill["customIds"] == [f"row-{n}" for n in range(4)]


@both_sorts
@both_ways
async def test_a_create_that_never_arrived_is_certainly_absent_and_can_be_sent_again(
    how: str, sort: str
) -> None:
    sim = simulator()
    async with reached(sim, how, sort) as adapter:
        part = await uploaded(adapter, part_of(adapter, PLANNER, led("create_lost=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert (found.state, found.certain) == (None, True)
        await adapter.create(KEY, part)
        assert (await adapter.find(KEY, part)).state is not None
    assert [bill["creates"] for bill in billed(sim)] == [1]


async def test_another_batch_is_not_taken_for_ours() -> None:
    adapter = adapter_on(simulator())
    await submit(adapter, part_of(adapter, PLANNER, exactly(2), tag="part-1"))
    assert (await adapter.find(KEY, part_of(adapter, PLANNER, exactly(2), tag="part-2"))).state is None


async def test_absence_is_not_certain_where_the_key_does_not_even_see_the_file() -> None:
    adapter = adapter_on(simulator())
    part = part_of(adapter, PLANNER, exactly(2), input_file_id="files/of-another-project")
    found = await adapter.find(KEY, part)
    assert (found.state, found.certain) == (None, False)
    assert "key" in found.note


async def test_a_batch_is_found_behind_two_hundred_others_whose_answers_are_in_the_list() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    part = part_of(adapter, PLANNER, exactly(1))
    made = await adapter.create(KEY, part)
    await finished(adapter, made.native_id)
    for _ in range(205):
        other = await adapter.create(KEY, replace(part, tag="other"))
        await finished(adapter, other.native_id)
    found = await adapter.find(KEY, part)
    assert found.state is not None
    assert found.state.native_id == made.native_id


async def test_a_batch_of_an_unknown_model_is_certainly_not_created() -> None:
    sim = simulator()
    adapter = adapter_on(sim)
    with pytest.raises(Failure) as raised:
        await adapter.create(KEY, replace(part_of(adapter, PLANNER, exactly(1)), model="gemini-9"))
    assert raised.value.status == 404
    assert "gemini-9" in raised.value.message
    assert not isinstance(raised.value, OutcomeUnknown)
    assert billed(sim) == []


async def test_a_batch_that_nobody_has_is_said_to_be_unknown() -> None:
    with pytest.raises(Failure) as raised:
        await adapter_on(simulator()).check(KEY, "batches/of-nobody")
    assert raised.value.status == 404
    assert "model" not in raised.value.message


@both_sorts
async def test_a_wrong_key_is_said_at_every_step(sort: str) -> None:
    adapter: BatchAdapter = adapter_on(simulator(), sort)
    part = part_of(adapter, PLANNER, exactly(1), input_file_id="files/1")
    steps = [
        adapter.create("sk-invalid-1", part),
        adapter.find("sk-invalid-1", part),
        adapter.check("sk-invalid-1", "batches/1"),
        adapter.cancel("sk-invalid-1", "batches/1"),
    ]
    for asked in [*steps, *([adapter.upload("sk-invalid-1", part)] if sort == "file" else [])]:
        with pytest.raises(Failure) as raised:
            await asked
        assert raised.value.kind == "invalid_api_key"
        assert raised.value.provider == "gemini"
        assert not isinstance(raised.value, OutcomeUnknown)
